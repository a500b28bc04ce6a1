import { createHash } from 'node:crypto';
import { textMember, type Answer } from '../expectations/answer.ts';
import { expectBytes, expectEqual, expectHeader, expectMembers, expectStatus } from '../expectations/expectations.ts';
import { multipart } from '../calls/multipart-body.ts';
import { expectCode, OwnQueue, unknownJob, type HeldJob } from '../own-queue.ts';
import { scenariosOf } from '../scenario.ts';
import type { Credential, ServerUnderTest } from '../server-under-test.ts';

interface Upload {
  readonly as: Credential;
  readonly job: HeldJob;
  readonly fields?: Readonly<Record<string, string>>;
  readonly file?: string | Uint8Array;
  readonly key?: string;
}

function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Uploads a form under the lease of the job. The form has no file part if `file` is missing. */
function upload(server: ServerUnderTest, { as, job, fields = {}, file, key }: Upload): Promise<Answer> {
  const form = multipart([
    ...Object.entries(fields).map(([name, value]) => ({ name, value })),
    ...(file === undefined ? [] : [{ name: 'file', filename: 'file.bin', value: file }]),
  ]);
  return server.queue('POST', `/jobs/${job.id}/artifacts/upload`, {
    as,
    body: new Uint8Array(form.body),
    headers: {
      'content-type': form.contentType,
      'proofhouse-lease': job.lease,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
  });
}

async function holding(server: ServerUnderTest): Promise<{ as: Credential; job: HeldJob }> {
  const queue = new OwnQueue(server);
  const as = await queue.worker();
  return { as, job: await queue.held(as) };
}

export const queueArtifactScenarios = scenariosOf('queue lifecycle', [
  {
    name: 'an upload by form is stored with its digest and downloaded byte by byte',
    requirements: ['QL-37', 'QL-40', 'QL-35'],
    run: async (server) => {
      const { as, job } = await holding(server);
      const bytes = server.bytesWithinCap(300_000);
      server.requireWithinCap(20);
      const fields = { name: 'out/result.bin', contentType: 'application/x-result; v=1', digest: digestOf(bytes) };
      const made = await upload(server, { as, job, fields, file: bytes });
      expectStatus(made, 201);
      const storagePath = `${job.id}/out/result.bin`;
      expectMembers(made, {
        name: 'out/result.bin',
        jobId: job.id,
        sizeBytes: bytes.length,
        digest: digestOf(bytes),
        storagePath,
      });
      const tail = `/jobs/${job.id}/artifacts/${made.member('id')}/download`;
      const whole = await server.queue('GET', tail, { as });
      expectStatus(whole, 200);
      expectBytes(whole, bytes);
      expectHeader(whole, 'content-type', 'application/x-result; v=1');
      expectHeader(whole, 'content-disposition', /^attachment/);
      expectHeader(whole, 'x-content-type-options', 'nosniff');
      expectHeader(whole, 'etag', /^"/);
      const part = await server.queue('GET', tail, { headers: { range: 'bytes=10-19' } });
      expectStatus(part, 206);
      expectBytes(part, bytes.subarray(10, 20));
      expectStatus(await server.queue('GET', tail, { headers: { range: `bytes=${bytes.length}-` } }), 416);
      const unchanged = await server.queue('GET', tail, { headers: { 'if-none-match': whole.header('etag') } });
      expectStatus(unchanged, 304);
      const log = await new OwnQueue(server).events(job.id);
      expectEqual('the log', 'its last event', log.at(-1)?.['kind'], 'artifact_uploaded');
    },
  },
  {
    name: 'a raw PUT stores the same way, also no bytes at all',
    requirements: ['QL-38'],
    run: async (server) => {
      const { as, job } = await holding(server);
      for (const [name, text] of [
        ['a note.txt', 'hello'],
        ['empty', ''],
      ] as const) {
        const made = await server.queue('PUT', `/jobs/${job.id}/artifacts/${encodeURIComponent(name)}`, {
          as,
          body: text,
          headers: { 'content-type': 'text/x-note', 'proofhouse-lease': job.lease },
        });
        expectStatus(made, 201);
        expectMembers(made, { name, sizeBytes: text.length, digest: digestOf(text), contentType: 'text/x-note' });
        const got = await server.queue('GET', `/jobs/${job.id}/artifacts/${made.member('id')}/download`, { as });
        expectStatus(got, 200);
        expectBytes(got, Buffer.from(text));
      }
    },
  },
  {
    name: 'the same name twice keeps both, newest first, and the list can be narrowed',
    requirements: ['QL-39'],
    run: async (server) => {
      const { as, job } = await holding(server);
      const ids: string[] = [];
      for (const [name, file] of [
        ['log.txt', 'one'],
        ['other.txt', 'two'],
        ['log.txt', 'three'],
      ] as const)
        ids.push((await upload(server, { as, job, fields: { name }, file })).member('id'));
      const list = async (query: string): Promise<string[]> => {
        const answer = await server.queue('GET', `/jobs/${job.id}/artifacts${query}`, { as });
        expectStatus(answer, 200);
        return answer.items('items').map((item) => textMember(item, 'id'));
      };
      expectEqual('the list', 'every version', await list(''), ids.toReversed());
      expectEqual('the list', 'one name', await list('?name=log.txt'), [ids[2], ids[0]]);
      expectCode(await server.queue('GET', `/jobs/${unknownJob}/artifacts`), 404, 'job_not_found');
    },
  },
  {
    name: 'a wrong digest, name or form is refused and leaves nothing',
    requirements: ['QL-41', 'QL-42', 'QL-48'],
    run: async (server) => {
      const { as, job } = await holding(server);
      const names = [
        '../up',
        'a/../b',
        '/absolute',
        '..\\up',
        ' ',
        'x'.repeat(513),
        `${'y'.repeat(256)}/z`,
        'a\u0001b',
      ];
      for (const name of names)
        expectCode(await upload(server, { as, job, fields: { name }, file: 'x' }), 422, 'invalid_artifact_name');
      const differs = await upload(server, { as, job, fields: { name: 'a', digest: digestOf('y') }, file: 'x' });
      expectCode(differs, 422, 'digest_mismatch');
      const malformed = await upload(server, { as, job, fields: { name: 'a', digest: 'md5:00' }, file: 'x' });
      expectCode(malformed, 422, 'invalid_digest');
      expectStatus(await upload(server, { as, job, fields: { name: 'a' } }), 422);
      expectStatus(await upload(server, { as, job, file: 'x' }), 422);
      const list = await server.queue('GET', `/jobs/${job.id}/artifacts`, { as });
      expectEqual(list.request, 'what was kept', list.items('items'), []);
    },
  },
  {
    name: 'an upload repeated under its key is the first artifact',
    requirements: ['QL-44'],
    run: async (server) => {
      const { as, job } = await holding(server);
      const sent = { as, job, fields: { name: 'once.txt' }, key: server.name('key') };
      const first = await upload(server, { ...sent, file: 'same' });
      expectStatus(first, 201);
      const again = await upload(server, { ...sent, file: 'same' });
      expectStatus(again, 200);
      expectEqual(again.request, 'member id', again.member('id'), first.member('id'));
      expectCode(await upload(server, { ...sent, file: 'different' }), 409, 'idempotency_conflict');
    },
  },
  {
    name: 'an artifact is found under its own job alone',
    requirements: ['QL-43'],
    run: async (server) => {
      const { as, job } = await holding(server);
      const other = await holding(server);
      const made = await upload(server, { as, job, fields: { name: 'mine.txt' }, file: 'x' });
      const under = (jobId: string, id: string) => server.queue('GET', `/jobs/${jobId}/artifacts/${id}/download`);
      expectCode(await under(unknownJob, made.member('id')), 404, 'job_not_found');
      expectCode(await under(job.id, unknownJob), 404, 'artifact_not_found');
      expectCode(await under(other.job.id, made.member('id')), 409, 'artifact_job_mismatch');
    },
  },
]);

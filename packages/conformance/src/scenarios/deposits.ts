import { createHash } from 'node:crypto';
import type { Answer } from '../expectations/answer.ts';
import {
  expectBytes,
  expectEqual,
  expectMembers,
  expectStatus,
  expectThat,
  NotTried,
} from '../expectations/expectations.ts';
import { deposit, depositedUri, fetchUri, registerWorker } from '../experiment-parts.ts';
import { multipart, type Part } from '../calls/multipart-body.ts';
import { OwnQueue } from '../own-queue.ts';
import { expectProblem } from '../expectations/problem-expectations.ts';
import { expectSchema, isUri } from '../expectations/published-schemas.ts';
import { scenariosOf } from '../scenario.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

const file: Part = { name: 'file', filename: 'part.bin', value: 'bytes' };

function send(server: ServerUnderTest, parts: readonly Part[]): Promise<Answer> {
  return sendBody(server, multipart(parts));
}

function sendBody(server: ServerUnderTest, form: { contentType: string; body: Uint8Array }): Promise<Answer> {
  const headers = { 'content-type': form.contentType };
  return server.v0('POST', '/artifacts', { body: new Uint8Array(form.body), headers });
}

export const depositScenarios = scenariosOf('artifact transfer', [
  {
    name: 'a deposit answers with its URI, its size and its content type, and with nothing else',
    requirements: ['AT-01', 'AT-02', 'AT-03', 'AT-04', 'AT-07', 'AT-42'],
    run: async (server) => {
      const worker = await registerWorker(server);
      for (const as of ['admin', worker] as const) {
        const answer = await deposit(server, 'hello', { as, contentType: 'text/x-note; v=1' });
        expectStatus(answer, 201);
        expectSchema(answer.request, answer.document(), 'deposit-answer');
        const members = Object.keys(answer.document()).toSorted();
        expectEqual(answer.request, 'the members', members, ['artifacts_uri', 'content_type', 'size_bytes']);
        expectMembers(answer, { size_bytes: 5, content_type: 'text/x-note; v=1' });
        const uri = answer.member('artifacts_uri');
        expectThat(isUri(uri), {
          request: answer.request,
          what: 'artifacts_uri',
          expected: 'an RFC 3986 URI',
          seen: uri,
        });
      }
    },
  },
  {
    name: 'no bytes at all are a deposit, and an empty filename is an upload',
    requirements: ['AT-03', 'AT-14', 'AT-22'],
    run: async (server) => {
      const empty = await deposit(server, '', { filename: '' });
      expectStatus(empty, 201);
      expectMembers(empty, { size_bytes: 0 });
      const got = await fetchUri(server, empty.member('artifacts_uri'));
      expectStatus(got, 200);
      expectBytes(got, Buffer.alloc(0));
      expectProblem(await send(server, [{ name: 'file', value: 'bytes' }]), 'bad-request');
    },
  },
  {
    name: 'a part that does not say what it is becomes octet-stream, whatever its bytes and name look like',
    requirements: ['AT-05'],
    run: async (server) => {
      const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
      for (const contentType of [undefined, '', '   ']) {
        const options = { filename: 'picture.html', ...(contentType === undefined ? {} : { contentType }) };
        const answer = await deposit(server, png, options);
        expectStatus(answer, 201);
        expectMembers(answer, { content_type: 'application/octet-stream' });
      }
    },
  },
  {
    name: 'a content type is cut to printable ASCII and trimmed, and fetched as it was recorded',
    requirements: ['AT-06', 'AT-23'],
    run: async (server) => {
      for (const contentType of ['  text/plain  ', 'text/plain; note="é\u0001"', 'nonsense', 'TEXT/HTML;Charset=X']) {
        const answer = await deposit(server, 'x', { contentType });
        expectStatus(answer, 201);
        const recorded = answer.member('content_type');
        expectThat(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(recorded), {
          request: answer.request,
          what: 'content_type',
          expected: 'printable ASCII without spaces around it',
          seen: recorded,
        });
        if (/^[\x20-\x7e]+$/.test(contentType)) expectMembers(answer, { content_type: contentType.trim() });
        const got = await fetchUri(server, answer.member('artifacts_uri'));
        expectEqual(got.request, 'header content-type', got.header('content-type'), recorded);
      }
    },
  },
  {
    name: 'equal bytes get a fresh URI each time, and every one keeps its bytes',
    requirements: ['AT-08', 'AT-09'],
    run: async (server) => {
      const bytes = server.bytesWithinCap(1000);
      const filename = server.name('a-telling-name');
      const uris = [];
      for (let count = 0; count < 3; count++) uris.push(await depositedUri(server, bytes, { filename }));
      expectEqual('POST …/artifacts', 'distinct URIs', new Set(uris).size, 3);
      const digests = ['hex', 'base64url'] as const;
      const telling = [filename, ...digests.map((form) => createHash('sha256').update(bytes).digest(form))];
      for (const uri of uris) {
        const told = telling.filter((text) => uri.includes(text));
        expectEqual('POST …/artifacts', 'what the URI tells of its content', told, []);
        expectBytes(await fetchUri(server, uri), bytes);
      }
    },
  },
  {
    name: 'a form with anything but one file is refused',
    requirements: ['AT-11', 'AT-12', 'AT-13'],
    run: async (server) => {
      const field = (name: string, value = 'x'): Part => ({ name, value });
      const wrong: readonly (readonly Part[])[] = [
        [],
        [field('other')],
        [{ ...file, name: 'upload' }],
        [{ ...file, name: 'File' }],
        [{ filename: 'nameless.bin', value: 'x' }],
        [file, file],
        [file, { ...file, name: 'second' }],
        [file, field('created_by', 'admin')],
        [field('created_by', 'admin'), file],
        [field('stray', ''), file],
        [field('file'), file],
      ];
      for (const parts of wrong) expectProblem(await send(server, parts), 'bad-request');
    },
  },
  {
    name: 'a form is read however it may be written',
    requirements: ['AT-49', 'AT-22'],
    run: async (server) => {
      const head = 'Content-Disposition: form-data; name="file"; filename="x"';
      const forms: readonly (readonly [contentType: string, body: string])[] = [
        ['Multipart/Form-Data; Boundary=b', `--b\r\n${head}\r\n\r\nbytes\r\n--b--\r\n`],
        ['multipart/form-data; boundary="b c"', `--b c\r\n${head}\r\n\r\nbytes\r\n--b c--\r\n`],
        ['multipart/form-data; boundary=b', `--b\r\n${head.toLowerCase()}\r\n\r\nbytes\r\n--b--\r\n`],
        ['multipart/form-data; boundary=b', `--b\r\n${head}\r\n\r\nbytes\r\n--b--`],
      ];
      for (const [contentType, body] of forms) {
        const answer = await sendBody(server, { contentType, body: Buffer.from(body) });
        expectStatus(answer, 201);
        expectBytes(await fetchUri(server, answer.member('artifacts_uri')), Buffer.from('bytes'));
      }
    },
  },
  {
    name: 'a malformed or truncated form is refused',
    requirements: ['AT-15'],
    run: async (server) => {
      const { contentType, body } = multipart([file]);
      const text = body.toString();
      const wrong = [
        text.slice(0, -4),
        text.slice(0, text.indexOf('bytes') + 2),
        text.slice(0, text.indexOf('\r\n\r\n')),
        text.replace('form-data', 'nonsense'),
        text.replaceAll('conformance-boundary', 'another-boundary'),
        'no form at all',
        '',
      ];
      for (const each of wrong)
        expectProblem(await sendBody(server, { contentType, body: Buffer.from(each) }), 'bad-request');
      expectProblem(await sendBody(server, { contentType: 'multipart/form-data', body }), 'bad-request');
    },
  },
  {
    name: 'a body that is no form is refused',
    requirements: ['AT-16'],
    run: async (server) => {
      for (const contentType of [
        'application/octet-stream',
        'application/json',
        'text/plain',
        'multipart/mixed; boundary=x',
      ])
        expectProblem(await sendBody(server, { contentType, body: Buffer.from('{}') }), 'bad-request');
      expectProblem(await server.v0('POST', '/artifacts'), 'bad-request');
    },
  },
  {
    name: 'deposits made at once never meet',
    requirements: ['AT-39', 'AT-08'],
    limitMs: 60_000,
    run: async (server) => {
      const workers = await Promise.all(Array.from({ length: 4 }, () => registerWorker(server)));
      const sent = Array.from({ length: 20 }, (_, index) => server.bytesWithinCap(index * 20_000 + 1));
      const uris = await Promise.all(
        sent.map((bytes, index) =>
          depositedUri(server, bytes, { as: workers[index % 4] ?? 'admin', filename: 'same' }),
        ),
      );
      expectEqual('20 deposits at once', 'distinct URIs', new Set(uris).size, 20);
      const got = await Promise.all(uris.map((uri) => fetchUri(server, uri)));
      for (const [index, answer] of got.entries()) expectBytes(answer, sent[index] ?? Buffer.alloc(0));
    },
  },
  {
    name: 'a repeated deposit under its key is the first one',
    requirements: ['AT-21'],
    run: async (server) => {
      const [worker, other] = [await registerWorker(server), await registerWorker(server)];
      const key = server.name('key');
      const first = await depositedUri(server, 'same', { as: worker, key });
      const again = await depositedUri(server, 'same', { as: worker, key });
      if (again !== first) throw new NotTried('the server does not look at Idempotency-Key');
      expectProblem(await deposit(server, 'different', { as: worker, key }), 'already-exists');
      const others = await depositedUri(server, 'same', { as: other, key });
      expectThat(others !== first, {
        request: 'POST …/artifacts',
        what: "another's deposit",
        expected: 'its own URI',
        seen: first,
      });
      expectBytes(await fetchUri(server, first, { as: worker }), Buffer.from('same'));
    },
  },
  {
    name: 'deposits made at once under one key are one',
    requirements: ['AT-21', 'AT-39'],
    run: async (server) => {
      const as = await registerWorker(server);
      const key = server.name('key');
      const first = await depositedUri(server, 'warm-up', { as, key });
      if ((await depositedUri(server, 'warm-up', { as, key })) !== first)
        throw new NotTried('the server does not look at Idempotency-Key');
      const other = server.name('key');
      const uris = await Promise.all([1, 2, 3, 4, 5].map(() => depositedUri(server, 'same', { as, key: other })));
      expectEqual('5 deposits at once', 'distinct URIs', new Set(uris).size, 1);
      expectBytes(await fetchUri(server, uris[0] ?? '', { as }), Buffer.from('same'));
    },
  },
  {
    name: 'a deposit is no event of any job',
    requirements: ['AT-40'],
    run: async (server) => {
      const jobs = await server.queue('GET', '/jobs?limit=1');
      if (jobs.status !== 200) throw new NotTried('the server shows no queue to its admin');
      const queue = new OwnQueue(server);
      const { id } = await queue.held(await queue.worker());
      const before = await queue.events(id);
      await depositedUri(server, 'bytes', { as: await registerWorker(server) });
      expectEqual(`GET /api/queue/jobs/${id}/events`, 'the log', await queue.events(id), before);
    },
  },
  {
    name: 'a deposit appears among the artifacts of the server with its experiment and its depositor',
    requirements: ['AT-41', 'AT-43'],
    run: async (server) => {
      const worker = await registerWorker(server);
      const uri = await depositedUri(server, 'bytes', { as: worker, contentType: 'text/x-note' });
      const list = await server.api('GET', `/api/artifacts?experimentId=${server.target.experiment}`);
      if (list.status === 404) throw new NotTried('the server has no GET /api/artifacts');
      expectStatus(list, 200);
      const found = list.items('artifacts').find((artifact) => artifact['uri'] === uri);
      expectThat(found !== undefined, { request: list.request, what: 'the list', expected: uri, seen: 'not there' });
      expectSchema(list.request, found, 'artifact-metadata');
      const { experimentId, createdBy, sizeBytes, contentType } = found ?? {};
      const expected = [server.target.experiment, worker.id, 5, 'text/x-note'];
      expectEqual(list.request, 'the record', [experimentId, createdBy, sizeBytes, contentType], expected);
    },
  },
]);

// Tests uploads: forms with parts in any order and with any chunk sizes, exact size limits, and digests. Also tests
// that a refused upload leaves nothing.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { fieldsAndFile, formBody, formType, type FormPart } from './support/form.ts';
import { expectNothingLeft, refusedWithoutTrace } from './support/leftovers.ts';
import { head, RawConnection, sendRaw } from './support/raw-socket.ts';
import { adminToken, type TestServer } from './support/test-server.ts';

const cap = 3000;
const day = 24 * 60 * 60 * 1000;
const admin = { Host: 'localhost', Authorization: `Bearer ${adminToken}` };
const hashOf = (bytes: string | Buffer, form: 'hex' | 'base64' = 'hex'): string =>
  createHash('sha256').update(bytes).digest(form);

const uploadLine = (jobId: string): string => `POST /api/queue/jobs/${jobId}/artifacts/upload HTTP/1.1`;
const putLine = (jobId: string): string => `PUT /api/queue/jobs/${jobId}/artifacts/a.bin HTTP/1.1`;

async function sendForm(t: TestServer, jobId: string, parts: readonly FormPart[], headers: object = {}) {
  const body = formBody(parts);
  const length = { 'Content-Length': body.length };
  const start = head(uploadLine(jobId), { ...admin, 'Content-Type': formType, ...length, ...headers });
  return sendRaw(await t.listen(), Buffer.concat([Buffer.from(start), body]));
}

forEachStore(
  'uploads',
  (harness) => {
    describe('as a form', () => {
      it('mean the same whatever the order of the fields and wherever the bytes are cut', async () => {
        const t = harness();
        const port = await t.listen();
        const job = await t.enqueue();
        const file = Buffer.from('--\r\n\r\n--a-boundary\r\nnot the end \u0000\u00ff--', 'latin1');
        const parts: FormPart[] = [
          { name: 'file', value: file, filename: 'ü "x".bin', contentType: 'text/x-part' },
          { name: 'name', value: 'permuted.bin' },
          { name: 'contentType', value: 'text/x-field' },
          { name: 'digest', value: `sha256:${hashOf(file)}` },
          { name: 'title', value: 'A title, ü' },
          { name: 'tags', value: '["one","two"]' },
          { name: 'metadata', value: '{"a":{"b":[1]}}' },
        ];
        const orders = fc.shuffledSubarray(parts, { minLength: parts.length });
        const cuts = fc.array(fc.nat({ max: 1200 }), { maxLength: 8 });
        await fc.assert(
          fc.asyncProperty(orders, cuts, async (order, places) => {
            const body = formBody(order);
            const connection = await RawConnection.open(port);
            connection.socket.setNoDelay(true);
            connection.write(
              head(uploadLine(job.id), { ...admin, 'Content-Type': formType, 'Content-Length': body.length }),
            );
            const ends = [...places.toSorted((a, b) => a - b), body.length];
            for (const [index, end] of ends.entries()) {
              connection.write(body.subarray(index === 0 ? 0 : ends[index - 1], end));
              await new Promise((settle) => setImmediate(settle));
            }
            const answer = await connection.answer();
            connection.close();
            expect(answer?.json).toMatchObject({
              name: 'permuted.bin',
              contentType: 'text/x-field',
              digest: `sha256:${hashOf(file)}`,
              sizeBytes: file.length,
              title: 'A title, ü',
              tags: ['one', 'two'],
              metadata: { a: { b: [1] } },
            });
          }),
          { numRuns: 25 },
        );
      });

      it('may come a byte at a time, in HTTP chunks of one byte', async () => {
        const t = harness();
        const job = await t.enqueue();
        const body = formBody(fieldsAndFile({ name: 'slowly.bin' }, '\r\n--a-boundary-of-the-test\r\n'));
        const connection = await RawConnection.open(await t.listen());
        connection.socket.setNoDelay(true);
        connection.write(
          head(uploadLine(job.id), { ...admin, 'Content-Type': formType, 'Transfer-Encoding': 'chunked' }),
        );
        for (const byte of body)
          connection.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')]));
        connection.write('0\r\n\r\n');
        expect(await connection.answer()).toMatchObject({ status: 201, json: { sizeBytes: 28 } });
        connection.close();
      });

      it.each<[string, FormPart[], number, string]>([
        [
          'two files',
          [
            { name: 'name', value: 'a' },
            { name: 'file', value: '1' },
            { name: 'file', value: '2' },
          ],
          422,
          'file',
        ],
        [
          'two names',
          [
            { name: 'name', value: 'a' },
            { name: 'name', value: 'b' },
            { name: 'file', value: '1' },
          ],
          422,
          'name',
        ],
        ['an unknown field', fieldsAndFile({ name: 'a', nonsense: 'x' }), 422, 'nonsense'],
        ['a field called __proto__', fieldsAndFile({ name: 'a', ['__proto__']: 'x' }), 422, '__proto__'],
        ['an unknown type', fieldsAndFile({ name: 'a', type: 'unheard-of' }), 422, 'type'],
        ['tags that are no JSON', fieldsAndFile({ name: 'a', tags: 'one,two' }), 422, 'tags'],
        ['tags that are no list of texts', fieldsAndFile({ name: 'a', tags: '[1]' }), 422, 'tags'],
        ['metadata that is no object', fieldsAndFile({ name: 'a', metadata: '[]' }), 422, 'metadata'],
        ['metadata over 4 KiB', fieldsAndFile({ name: 'a', metadata: `{"x":"${'y'.repeat(4096)}"}` }), 422, 'metadata'],
        [
          'a content type without a printable character',
          fieldsAndFile({ name: 'a', contentType: 'ü' }),
          422,
          'contentType',
        ],
        ['a title over 500 characters', fieldsAndFile({ name: 'a', title: 'x'.repeat(501) }), 422, 'title'],
        ['a digest of another form', fieldsAndFile({ name: 'a', digest: 'md5:00' }), 422, 'digest'],
      ])('with %s are refused and leave nothing, field before file or after', async (_what, parts, status, path) => {
        const t = harness();
        const job = await t.enqueue();
        for (const order of [parts, parts.toReversed()]) {
          const answer = await refusedWithoutTrace(t, job.id, () => sendForm(t, job.id, order));
          expect(answer).toMatchObject({ status, json: { errors: [{ path }] } });
        }
      });

      it.each([
        ['nothing at all', ''],
        ['no closing boundary', '--a-boundary-of-the-tests\r\nContent-Disposition: form-data; name="file"\r\n\r\nx'],
        ['a part without a disposition', '--a-boundary-of-the-tests\r\n\r\nx\r\n--a-boundary-of-the-tests--\r\n'],
        ['text that is no form', 'just some text'],
      ])('of %s are 400 and leave nothing', async (_what, body) => {
        const t = harness();
        const job = await t.enqueue();
        const headers = { ...admin, 'Content-Type': formType, 'Content-Length': body.length };
        const port = await t.listen();
        const answer = await refusedWithoutTrace(t, job.id, () =>
          sendRaw(port, head(uploadLine(job.id), headers) + body),
        );
        expect([400, 422]).toContain(answer.status);
      });

      it('may leave optional fields empty', async () => {
        const t = harness();
        const job = await t.enqueue();
        const fields = { contentType: '', digest: '', title: ' ', tags: '', metadata: '', type: '', workerId: '' };
        expect(await t.upload(job.id, { name: 'a.txt', fields })).toMatchObject({
          status: 201,
          json: { contentType: 'text/plain', title: 'a.txt', tags: [], metadata: {} },
        });
      });

      it('take the type from the field, else from the part, else from the name', async () => {
        const t = harness();
        const job = await t.enqueue();
        const type = async (name: string, field?: string, part?: string) =>
          (
            await sendForm(t, job.id, [
              { name: 'name', value: name },
              ...(field === undefined ? [] : [{ name: 'contentType', value: field }]),
              { name: 'file', value: 'x', ...(part === undefined ? {} : { contentType: part }) },
            ])
          ).json.contentType as string;
        expect(await type('a.json', 'text/x-field', 'text/x-part')).toBe('text/x-field');
        expect(await type('a.json', undefined, 'text/x-part; charset=utf-8')).toBe('text/x-part; charset=utf-8');
        expect(await type('a.json')).toBe('application/json');
        expect(await type('a.json', 'te\u0001xt/ü plain ')).toBe('text/ plain');
      });
    });

    it('of exactly the cap are taken, of one byte more refused, however the length is said', async () => {
      const t = harness();
      const port = await t.listen();
      const job = await t.enqueue();
      for (const size of [0, cap, cap + 1, cap * 100]) {
        const bytes = Buffer.alloc(size, 'x');
        const form = formBody(fieldsAndFile({ name: 'a.bin' }, bytes));
        const chunk = (body: Buffer) =>
          Buffer.concat([
            Buffer.from(body.length === 0 ? '' : `${body.length.toString(16)}\r\n`),
            body,
            Buffer.from(body.length === 0 ? '0\r\n\r\n' : '\r\n0\r\n\r\n'),
          ]);
        const ways: [string, object, Buffer][] = [
          [putLine(job.id), { 'Content-Length': size }, bytes],
          [putLine(job.id), { 'Transfer-Encoding': 'chunked' }, chunk(bytes)],
          [uploadLine(job.id), { 'Content-Type': formType, 'Content-Length': form.length }, form],
          [uploadLine(job.id), { 'Content-Type': formType, 'Transfer-Encoding': 'chunked' }, chunk(form)],
        ];
        for (const [line, headers, body] of ways) {
          const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
          const answer = await sendRaw(port, Buffer.concat([Buffer.from(head(line, { ...admin, ...headers })), body]));
          expect({ line, size, status: answer.status }).toEqual({ line, size, status: size <= cap ? 201 : 413 });
          if (size <= cap) expect(answer.json).toMatchObject({ sizeBytes: size, digest: `sha256:${hashOf(bytes)}` });
          else await expectNothingLeft(t, job.id, before);
        }
      }
    });

    it('that send less than they said are not kept', async () => {
      const t = harness();
      const job = await t.enqueue();
      const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
      const connection = await RawConnection.open(await t.listen());
      connection.write(`${head(putLine(job.id), { ...admin, 'Content-Length': 100 })}only this`);
      connection.socket.end();
      await connection.ending();
      connection.close();
      await expectNothingLeft(t, job.id, before);
    });

    it.each(['PUT', 'form before the file', 'form in the file', 'form after the file'])(
      'whose client goes away in the middle leave nothing (%s)',
      async (where) => {
        const t = harness();
        const job = await t.enqueue();
        const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
        const parts = [
          { name: 'file', value: 'x'.repeat(500) },
          { name: 'name', value: 'a.bin' },
        ];
        const body = formBody(parts);
        const cut = { PUT: 300, 'form before the file': 40, 'form in the file': 300, 'form after the file': 640 }[
          where
        ];
        const line = where === 'PUT' ? putLine(job.id) : uploadLine(job.id);
        const accepted = once(t.server.app.server, 'connection');
        const connection = await RawConnection.open(await t.listen());
        const [serverEnd] = (await accepted) as [Socket];
        const logged = t.logLines.length;
        connection.write(head(line, { ...admin, 'Content-Type': formType, 'Content-Length': body.length }));
        connection.write(body.subarray(0, cut));
        await expect.poll(() => serverEnd.bytesRead, { interval: 1 }).toBeGreaterThan(cut ?? 0);
        connection.socket.resetAndDestroy();
        await expect.poll(() => serverEnd.destroyed, { interval: 1 }).toBe(true);
        await expectNothingLeft(t, job.id, before);
        expect(t.logLines.slice(logged).join('')).not.toContain('"level":50');
      },
    );

    it('with a digest are kept when it is right, in upper case too, and refused when it is not', async () => {
      const t = harness();
      const job = await t.enqueue();
      const right = hashOf('bytes');
      const byDigest = (digest: string) => t.upload(job.id, { name: 'a.bin', fields: { digest } });
      expect((await byDigest(`sha256:${right}`)).status).toBe(201);
      expect((await byDigest(`SHA256:${right.toUpperCase()}`)).json.digest).toBe(`sha256:${right}`);
      const mismatch = await refusedWithoutTrace(t, job.id, () => byDigest(`sha256:${hashOf('other')}`));
      expect(mismatch).toMatchObject({
        status: 422,
        json: { code: 'digest_mismatch', expected: `sha256:${hashOf('other')}`, actual: `sha256:${right}` },
      });
      for (const wrong of [
        right,
        `md5:${right}`,
        `sha256:${right.slice(1)}`,
        `sha256:${right}0`,
        'sha256:',
        `sha-256=:${right}:`,
      ]) {
        const answer = await refusedWithoutTrace(t, job.id, () => byDigest(wrong));
        expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_digest' } });
      }
    });

    it('with a Content-Digest are held to its sha-256; other algorithms are ignored', async () => {
      const t = harness();
      const job = await t.enqueue();
      const put = (digest: string) =>
        refusedOrKept(() => t.put(job.id, { name: 'a.bin', headers: { 'content-digest': digest } }));
      const refusedOrKept = async (send: () => ReturnType<TestServer['put']>) => {
        const { status, json } = await send();
        return status === 201 ? '201' : `${status} ${json.code as string}`;
      };
      const right = hashOf('bytes', 'base64');
      expect(await put(`sha-256=:${right}:`)).toBe('201');
      expect(await put(`sha-512=:AAAA:, sha-256=:${right}:`)).toBe('201');
      expect(await put('sha-512=:AAAA:')).toBe('201');
      expect(await put(`sha-256=:${hashOf('other', 'base64')}:`)).toBe('422 digest_mismatch');
      for (const wrong of [
        'sha-256=:AAAA:',
        `sha-256=${right}`,
        `sha-256=:${hashOf('bytes')}:`,
        'nonsense',
        'sha-256=1',
        ';;',
      ]) {
        expect([wrong, await put(wrong)]).toEqual([wrong, wrong === 'nonsense' ? '201' : '422 invalid_digest']);
      }
    });

    it('of no bytes keep the content type that came with them', async () => {
      const t = harness();
      const job = await t.enqueue();
      const answer = await t.put(job.id, { name: 'empty', file: '', headers: { 'content-type': 'text/x-empty' } });
      expect(answer).toMatchObject({ status: 201, json: { contentType: 'text/x-empty', sizeBytes: 0 } });
    });

    it('keep a content type that is no media type as it was sent', async () => {
      const t = harness();
      const job = await t.enqueue();
      const answer = await t.put(job.id, { name: 'odd', file: 'x', headers: { 'content-type': 'whatever this is' } });
      expect(answer).toMatchObject({ status: 201, json: { contentType: 'whatever this is' } });
    });

    it('with a repeated key give the first artifact with 200, and 409 for other bytes or another name', async () => {
      const t = harness();
      const job = await t.enqueue();
      const headers = { 'idempotency-key': t.unique('key') };
      const first = await t.upload(job.id, { name: 'a.bin', headers });
      expect(first.status).toBe(201);
      for (const again of [
        () => t.upload(job.id, { name: 'a.bin', headers }),
        () => t.put(job.id, { name: './a.bin', headers }),
      ]) {
        const answer = await refusedWithoutTrace(t, job.id, again);
        expect(answer).toMatchObject({ status: 200, json: { id: first.json.id } });
      }
      for (const other of [{ name: 'a.bin', file: 'other' }, { name: 'b.bin' }]) {
        const answer = await refusedWithoutTrace(t, job.id, () => t.upload(job.id, { ...other, headers }));
        expect(answer).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
      }
      t.clock.advance(day);
      expect((await t.upload(job.id, { name: 'a.bin', headers })).status).toBe(201);
    });

    it('ten times at once under one key keep one artifact', async () => {
      const t = harness();
      const job = await t.enqueue();
      const headers = { 'idempotency-key': t.unique('key') };
      const answers = await Promise.all(Array.from({ length: 10 }, () => t.put(job.id, { name: 'a.bin', headers })));
      expect(answers.map((answer) => answer.status).toSorted()).toEqual([...Array<number>(9).fill(200), 201]);
      expect(new Set(answers.map((answer) => answer.json.id)).size).toBe(1);
      expect(await t.artifacts(job.id)).toHaveLength(1);
      expect(t.files().filter((file) => file.includes(job.id))).toHaveLength(1);
    });

    it('by a worker need it to hold the job', async () => {
      const t = harness();
      const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
      const { job, worker, lease } = await t.running();
      const other = await t.worker();
      const code = async (
        jobId: string,
        as: typeof worker,
        withLease?: string,
        fields: Record<string, string> = {},
      ) => {
        const headers = { 'proofhouse-lease': withLease };
        const answer = await refusedWithoutTrace(t, jobId, () =>
          t.upload(jobId, { name: 'a.txt', as, headers, fields }),
        );
        return `${answer.status} ${answer.json.code as string}`;
      };
      expect(await code(queued.id, worker)).toBe('409 job_state_conflict');
      expect(await code(queued.id, worker, lease)).toBe('409 lease_lost');
      expect(await code(queued.id, worker, undefined, { leaseId: lease })).toBe('409 lease_lost');
      expect(await code(job.id, other, undefined, { leaseId: lease })).toBe('409 lease_lost');
      expect(await code(job.id, other)).toBe('403 worker_not_authorized');
      expect(await code(job.id, other, lease)).toBe('409 lease_lost');
      expect(await code(job.id, worker, 'another')).toBe('409 lease_lost');
      expect(await code(job.id, worker, undefined, { leaseId: 'another' })).toBe('409 lease_lost');
      expect(await code(job.id, worker, lease, { leaseId: 'another' })).toBe('422 invalid_request');
      expect(await code(job.id, worker, lease, { workerId: other.id })).toBe('403 worker_not_authorized');
      const fields = { leaseId: lease, workerId: worker.id };
      expect((await t.upload(job.id, { name: 'a.txt', as: worker, fields })).status).toBe(201);
      expect((await t.put(job.id, { name: 'b.txt', as: worker })).status).toBe(201);
    });

    it.each(['in the header', 'in the form', 'not said'])(
      'whose lease passes while the bytes are on their way are refused and leave nothing (lease %s)',
      async (where) => {
        const t = harness();
        const { job, worker, lease } = await t.running({}, 10);
        const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
        const fields: Record<string, string> = {
          name: 'a.bin',
          ...(where === 'in the form' ? { leaseId: lease } : {}),
        };
        const body = formBody(fieldsAndFile(fields, 'x'.repeat(1000)));
        const connection = await RawConnection.open(await t.listen());
        connection.write(
          head(uploadLine(job.id), {
            Host: 'localhost',
            Authorization: `Bearer ${worker.token}`,
            'Content-Type': formType,
            'Content-Length': body.length,
            'Proofhouse-Lease': where === 'in the header' ? lease : undefined,
            Expect: '100-continue',
          }),
        );
        expect((await connection.answer())?.status).toBe(100);
        connection.write(body.subarray(0, 500));
        t.clock.advance(10_000);
        connection.write(body.subarray(500));
        const answer = await connection.answer();
        expect(answer?.status).toBe(409);
        if (where !== 'not said') expect(answer?.json.code).toBe('lease_lost');
        connection.close();
        await expectNothingLeft(t, job.id, before);
      },
    );

    it('are told in the log of the job', async () => {
      const t = harness();
      const job = await t.enqueue();
      const { json } = await t.upload(job.id, { name: 'a.txt' });
      const events = await t.server.store.jobs.events(job.id, 0, 10);
      expect(events.map((event) => [event.seq, event.kind])).toEqual([
        [1, 'queued'],
        [2, 'artifact_uploaded'],
      ]);
      expect(events[1]?.payload).toMatchObject({ artifactId: json.id, sizeBytes: 5 });
    });
  },
  { settings: { maxArtifactBytes: cap } },
);

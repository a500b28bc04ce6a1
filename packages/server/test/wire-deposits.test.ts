// Tests deposits on /v0 (contract "wire-level deposit and fetch", section "Deposit"; seed 002).
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ownedBlob, v0ProblemSchema } from '@proofhouse/core';
import { forEachStore } from './support/for-each-store.ts';
import { boundary, formBody, formType, type FormPart } from './support/form.ts';
import { head, RawConnection, sendRaw, type RawAnswer } from './support/raw-socket.ts';
import { startTestServer, type Answer, type TestServer } from './support/test-server.ts';
import { expectProblem, onePart, wireAdmin, WireExperiment, type V0Worker } from './support/wire-experiment.ts';

const maxBytes = 100_000;
const file: FormPart = { name: 'file', value: 'bytes' };
const disposition = 'Content-Disposition: form-data; name="file"; filename="a"';

forEachStore(
  'deposits',
  (harness) => {
    let t: TestServer;
    let experiment: WireExperiment;
    let worker: V0Worker;
    beforeAll(async () => {
      t = harness();
      experiment = await WireExperiment.make(t);
      worker = await experiment.register();
    });

    /** Sends a request that must be refused. Checks that it left neither files nor records. */
    async function refused(send: () => Promise<Pick<Answer, 'status' | 'headers' | 'json'>>, status = 400) {
      const before = { files: t.files(), records: await experiment.records() };
      const answer = await send();
      expectProblem(answer, status, status === 413 ? 'payload-too-large' : 'bad-request');
      await expect.poll(() => t.files(), { interval: 5 }).toEqual(before.files);
      expect(await experiment.records()).toEqual(before.records);
      return answer;
    }

    it('is answered 201 with exactly an opaque URI, the size and the content type', async () => {
      const answer = await experiment.send([{ ...file, contentType: 'text/plain' }], worker.credential);
      expect(answer).toMatchObject({ status: 201, headers: { 'content-type': 'application/json; charset=utf-8' } });
      expect(answer.json).toEqual({
        artifacts_uri: expect.stringMatching(/^proofhouse:\/\/artifacts\/[a-z2-7]{32}$/),
        size_bytes: 5,
        content_type: 'text/plain',
      });
    });

    it('mints a new URI each time, also for equal bytes at once', async () => {
      const made = await Promise.all(Array.from({ length: 20 }, () => experiment.deposit('same', worker.credential)));
      expect(new Set(made.map((each) => each.artifacts_uri)).size).toBe(20);
      for (const each of made) expect((await experiment.fetch(each.artifacts_uri)).text).toBe('same');
    });

    it('keeps bytes exactly, none and the most too', async () => {
      for (const bytes of [Buffer.alloc(0), Buffer.from([0, 255, 13, 10, 45, 45]), Buffer.alloc(maxBytes, 'x')]) {
        const { artifacts_uri, size_bytes } = await experiment.deposit(bytes, worker.credential);
        expect(size_bytes).toBe(bytes.length);
        expect((await experiment.fetch(artifacts_uri)).bytes.equals(bytes)).toBe(true);
      }
    });

    it('is recorded as made by the credential, never by what the form says', async () => {
      const byWorker = await experiment.deposit('mine', worker.credential);
      const byAdmin = await experiment.deposit('ours');
      const records = await experiment.records();
      expect(records.find((record) => record.uri === byWorker.artifacts_uri)).toMatchObject({
        createdBy: worker.id,
        experimentId: experiment.id,
        jobId: null,
        name: null,
        type: 'other',
        sourceType: 'assistant-output',
        checksum: `sha256:${createHash('sha256').update('mine').digest('hex')}`,
      });
      expect(records.find((record) => record.uri === byAdmin.artifacts_uri)?.createdBy).toBe('admin');
    });

    it('is an event in the log of no job', async () => {
      const { job } = await t.running();
      const before = await t.get(`/api/queue/jobs/${job.id}/events`);
      await experiment.deposit();
      expect((await t.get(`/api/queue/jobs/${job.id}/events`)).json).toEqual(before.json);
    });

    it('lies under a key of its own, also for equal bytes, in no folder that is shown, and no answer says where', async () => {
      const before = t.files();
      const made = [await experiment.deposit('equal'), await experiment.deposit('equal')];
      const added = t.files().filter((file) => !before.includes(file));
      expect(added).toHaveLength(2);
      expect(added.filter((file) => file.startsWith(t.viewRoot))).toEqual([]);
      const shown = JSON.stringify([made, await experiment.records()]);
      for (const file of added) expect(shown).not.toContain(basename(file));
      expect(shown).not.toContain(t.folder);
    });

    describe('that is being recorded', () => {
      it('has its bytes in place before its record is written', async () => {
        const { store } = t.server;
        const found: string[] = [];
        const commit = store.commit.bind(store);
        const spy = vi.spyOn(store, 'commit').mockImplementation(async (wanted) => {
          for (const change of wanted.changes) {
            if (change.kind !== 'insert' || change.record !== 'artifact') continue;
            const file = t.files().find((each) => basename(each) === ownedBlob(change.value).key);
            found.push(readFileSync(file!, 'utf8'));
          }
          return commit(wanted);
        });
        onTestFinished(() => spy.mockRestore());
        await experiment.deposit('durable first');
        expect(found).toEqual(['durable first']);
      });

      it('and cannot be is a problem without a URI, and leaves no record', async () => {
        const before = await experiment.records();
        const spy = vi
          .spyOn(t.server.store, 'commit')
          .mockRejectedValueOnce(new Error('the disk at /secret/place broke'));
        onTestFinished(() => spy.mockRestore());
        const answer = await experiment.send([file], worker.credential);
        expect(answer).toMatchObject({
          status: 500,
          headers: { 'content-type': 'application/problem+json; charset=utf-8' },
          json: { type: 'about:blank', status: 500 },
        });
        expect(v0ProblemSchema.safeParse(answer.json).error).toBeUndefined();
        expect(answer.text).not.toMatch(/secret|proofhouse:/);
        expect(await experiment.records()).toEqual(before);
        expect((await experiment.send([file], worker.credential)).status).toBe(201);
      });
    });

    it.each<[string, string | undefined, string]>([
      ['its own', 'application/x-tar', 'application/x-tar'],
      ['its own, with parameters', 'text/plain; charset="UTF-8"', 'text/plain; charset="UTF-8"'],
      ['its own, though it is no media type', 'what ever', 'what ever'],
      ['trimmed', '   text/html \t', 'text/html'],
      ['cut to printable ASCII', 'text/\u00e9plain\u0001', 'text/plain'],
      ['application/octet-stream when there is none', undefined, 'application/octet-stream'],
      ['application/octet-stream when nothing is left', '\u00e9\u0001', 'application/octet-stream'],
    ])('has a content type: %s', async (_what, contentType, kept) => {
      const type = contentType === undefined ? '' : `\r\nContent-Type: ${contentType}`;
      const answer = await experiment.sendBody(onePart(disposition + type, '<html>%PDF-1.7'));
      expect(answer.json).toMatchObject({ content_type: kept });
      const fetched = await experiment.fetch(answer.json.artifacts_uri as string);
      expect(fetched.headers['content-type']).toBe(kept);
    });

    it.each<[string, string, string | null]>([
      ['is kept', 'filename="run.log"', 'run.log'],
      ['may be empty', 'filename=""', null],
      ['is its last part', 'filename="../../etc/passwd"', 'passwd'],
      ['is its last part, on Windows too', String.raw`filename="C:\\temp\\a.txt"`, 'a.txt'],
      ['is text in UTF-8', 'filename="r\u00e9sum\u00e9 \u{1F600}.pdf"', 'r\u00e9sum\u00e9 \u{1F600}.pdf'],
      ['has no characters that turn it around', 'filename="a\u202Efdp.exe"', 'afdp.exe'],
      ['is no folder', 'filename=".."', null],
      ['is cut', `filename="${'\u00e9'.repeat(500)}"`, '\u00e9'.repeat(127)],
    ])('whose filename %s: %s', async (_what, parameter, kept) => {
      const made = await experiment.sendBody(onePart(`Content-Disposition: form-data; name="file"; ${parameter}`));
      expect(made.status).toBe(201);
      const record = (await experiment.records()).find(({ uri }) => uri === made.json.artifacts_uri);
      expect(record).toMatchObject({ filename: kept, title: kept ?? 'artifact' });
    });

    describe('that is not exactly one upload called file is 400 and leaves nothing:', () => {
      const forms: [string, () => string | Buffer][] = [
        ['no part', () => `--${boundary}--\r\n`],
        ['nothing at all', () => ''],
        ['a second file', () => formBody([file, file])],
        ['a stray field after it', () => formBody([file, { name: 'name', value: 'x' }])],
        ['a stray field before it', () => formBody([{ name: 'created_by', value: 'admin' }, file])],
        ['another name', () => formBody([{ ...file, name: 'File', filename: 'x' }])],
        ['a name that is a list', () => formBody([{ ...file, name: 'file[]', filename: 'x' }])],
        ['a field instead of an upload', () => onePart('Content-Disposition: form-data; name="file"')],
        ['a part without a name', () => onePart('Content-Disposition: form-data; filename="x"')],
        ['a part without a disposition', () => onePart('Content-Type: text/plain')],
        ['a part that is no form data', () => onePart('Content-Disposition: attachment; name="file"; filename="x"')],
        ['two dispositions', () => onePart(`${disposition}\r\nContent-Disposition: form-data; name="x"`)],
        ['two content types', () => onePart(`${disposition}\r\nContent-Type: a/b\r\nContent-Type: c/d`)],
        ['a body that ends early', () => formBody([file]).subarray(0, -4)],
        ['a body that ends in its headers', () => `--${boundary}\r\nContent-Disposi`],
        ['a closing boundary with one dash', () => `${onePart(disposition).slice(0, -4)}-\r\n--${boundary}-`],
        ['two names', () => onePart('Content-Disposition: form-data; name="file"; name="x"; filename="a"')],
        ['two filenames', () => onePart(`${disposition}; FileName=b`)],
        ['another boundary', () => formBody([file]).toString().replaceAll(boundary, 'other')],
        ['no form', () => 'bytes'],
        ['endless part headers', () => onePart(`${disposition}\r\nX-A: ${'a'.repeat(90_000)}`)],
        ['endless part headers before the name', () => onePart(`X-A: ${'a'.repeat(90_000)}\r\n${disposition}`)],
        ['very many part headers', () => onePart(`${disposition}\r\n${'X: y\r\n'.repeat(5000)}X: z`)],
        ['thousands of parts', () => formBody(Array.from({ length: 1000 }, () => file))],
        ['thousands of empty parts', () => `--${boundary}\r\n\r\n\r\n`.repeat(5000)],
        ['a name that is too long', () => formBody([{ ...file, name: 'f'.repeat(50_000), filename: 'x' }])],
      ];
      it.each(forms)('%s', async (_what, form) => {
        await refused(() => experiment.sendBody(form(), worker.credential));
      });

      it('and so is another type of body, or a form without a boundary', async () => {
        for (const type of [
          undefined,
          'application/json',
          'text/plain',
          'multipart/mixed; boundary=x',
          'multipart/form-data',
          'multipart/form-data; boundary=',
          `multipart/form-data; boundary=${'b'.repeat(300)}`,
          'nonsense',
        ]) {
          await refused(() => experiment.sendBody(formBody([file]), worker.credential, { 'content-type': type }));
        }
      });
    });

    it('may have text before and after its part (RFC 2046), but not without end', async () => {
      const form = formBody([file]).toString();
      for (const body of [`preamble\r\n${form}`, `${form}epilogue`, `\r\n${form}\r\n--${boundary}\r\nno part`]) {
        expect((await experiment.sendBody(body)).json).toMatchObject({ size_bytes: 5 });
      }
      const endless = 'x'.repeat(3 * 1024 * 1024);
      await refused(() => experiment.sendBody(`${endless}\r\n${form}`), 413);
      await refused(() => experiment.sendBody(`${form}${endless}`), 413);
    });

    it('over the cap is 413 and leaves nothing, whatever its length says', async () => {
      const over = formBody([{ name: 'file', value: Buffer.alloc(maxBytes + 1) }]);
      await refused(() => experiment.sendBody(over), 413);
      await refused(() => experiment.sendBody(Buffer.alloc(maxBytes * 2), wireAdmin), 413);
      const most = formBody([{ name: 'file', value: Buffer.alloc(maxBytes) }]);
      expect((await experiment.sendBody(most)).json).toMatchObject({ size_bytes: maxBytes });
    });

    describe('under an Idempotency-Key', () => {
      const send = (key: string, value: string, contentType = 'a/b', as = worker.credential): Promise<Answer> =>
        experiment.send([{ name: 'file', value, contentType }], as, { 'idempotency-key': key });

      it('is the first one again, with 201', async () => {
        const first = await send('one', 'x');
        const files = t.files();
        const again = await send('one', 'x');
        expect([again.status, again.json]).toEqual([201, first.json]);
        expect(t.files()).toEqual(files);
      });

      it('is 409 for other bytes or another type, and leaves nothing', async () => {
        await send('two', 'x');
        const files = t.files();
        expectProblem(await send('two', 'y'), 409, 'already-exists');
        expectProblem(await send('two', 'x', 'c/d'), 409, 'already-exists');
        expect(t.files()).toEqual(files);
      });

      it('is another one for another caller or another experiment', async () => {
        const first = await send('three', 'x');
        expect((await send('three', 'x', 'a/b', wireAdmin)).json.artifacts_uri).not.toBe(first.json.artifacts_uri);
        const other = await WireExperiment.make(t);
        expectProblem(
          await other.send([{ name: 'file', value: 'x', contentType: 'a/b' }], wireAdmin, {
            'idempotency-key': 'three',
          }),
          409,
          'already-exists',
        );
      });

      it('is made once by many at once', async () => {
        const made = await Promise.all(Array.from({ length: 10 }, () => send('four', 'x')));
        expect(new Set(made.map(({ status }) => status))).toEqual(new Set([201]));
        expect(new Set(made.map(({ json }) => json.artifacts_uri as string)).size).toBe(1);
      });

      it('is refused when the key is none', async () => {
        await refused(() => send('with space', 'x'));
        await refused(() => send('x'.repeat(300), 'x'));
      });
    });
  },
  { settings: { maxArtifactBytes: maxBytes } },
);

describe('on the wire', () => {
  let t: TestServer;
  let experiment: WireExperiment;
  let port: number;
  beforeAll(async () => {
    t = await startTestServer({ settings: { maxArtifactBytes: maxBytes } });
    port = await t.listen();
    experiment = await WireExperiment.make(t);
    return () => t.close();
  });
  const headOf = (headers: Record<string, string> = {}, below = '/artifacts'): string =>
    head(`POST ${experiment.path(below)} HTTP/1.1`, {
      Host: 'localhost',
      Authorization: `Bearer ${wireAdmin}`,
      'X-Eden-Experiment-Id': experiment.id,
      'Content-Type': formType,
      ...headers,
    });
  const form = formBody([file]);

  it('what the headers decide is answered before any byte of the body', async () => {
    const endless = { 'Content-Length': String(1024 ** 3) };
    const foreign = { ...endless, 'X-Eden-Experiment-Id': 'exp_other' };
    const refusals: [string, number, string][] = [
      [headOf({ ...endless, Authorization: 'Bearer admin:wrong' }), 401, 'unauthorized'],
      [headOf(foreign), 400, 'experiment-id-mismatch'],
      [headOf(endless), 413, 'payload-too-large'],
      [headOf({ 'Transfer-Encoding': 'chunked', 'Content-Type': 'text/plain' }), 400, 'bad-request'],
      [headOf({ 'Content-Length': '9', 'Content-Type': 'multipart/form-data' }), 400, 'bad-request'],
      [headOf(endless, '/nothing'), 404, 'not-found'],
    ];
    for (const [request, status, type] of refusals) {
      const answer = await sendRaw(port, request);
      expectProblem(answer, status, type);
      expect([answer.headers['connection'], answer.reset]).toEqual(['close', false]);
    }
  });

  it('100 Continue is said after the checks', async () => {
    const connection = await RawConnection.open(port);
    connection.write(headOf({ Expect: '100-continue', 'Content-Length': String(form.length) }));
    expect((await connection.answer())?.status).toBe(100);
    connection.write(form);
    expect((await connection.answer())?.status).toBe(201);
    connection.close();
    const refused = await sendRaw(
      port,
      headOf({ Expect: '100-continue', 'Content-Length': '9', Authorization: 'Bearer x' }),
    );
    expect(refused.status).toBe(401);
  });

  it('a body over the cap is cut off while it is still being sent, chunked and under a length that lies', async () => {
    const before = t.files();
    for (const said of [{ 'Transfer-Encoding': 'chunked' }, { 'Content-Length': String(maxBytes + 1000) }]) {
      const isChunked = 'Transfer-Encoding' in said;
      const connection = await RawConnection.open(port);
      connection.write(headOf(said));
      const start = Buffer.from(`--${boundary}\r\n${disposition}\r\n\r\n`);
      const piece = (bytes: Buffer): void => {
        if (isChunked) connection.write(`${bytes.length.toString(16)}\r\n`);
        connection.write(bytes);
        if (isChunked) connection.write('\r\n');
      };
      piece(start);
      let answer: RawAnswer | undefined;
      void connection.answer().then((came) => (answer = came));
      for (let sent = 0; answer === undefined && sent < 64; sent++) {
        piece(Buffer.alloc(16 * 1024));
        await new Promise((settle) => setTimeout(settle, 5));
      }
      expectProblem(answer!, 413, 'payload-too-large');
      connection.close();
    }
    await expect.poll(() => t.files(), { interval: 5 }).toEqual(before);
  });

  it('a client that goes away in the middle leaves nothing', async () => {
    const before = { files: t.files(), records: await experiment.records() };
    const accepted = once(t.server.app.server, 'connection');
    const connection = await RawConnection.open(port);
    const [serverEnd] = (await accepted) as [Socket];
    connection.write(headOf({ 'Content-Length': '5000' }));
    connection.write(form.subarray(0, -10));
    await expect.poll(() => serverEnd.bytesRead, { interval: 5 }).toBeGreaterThan(form.length);
    const gone = once(serverEnd, 'close');
    connection.close();
    await gone;
    await expect.poll(() => t.files(), { interval: 5 }).toEqual(before.files);
    expect(await experiment.records()).toEqual(before.records);
  });

  it('a token that is reissued while the body comes deposits nothing', async () => {
    const before = { files: t.files(), records: await experiment.records() };
    const worker = await experiment.register();
    const connection = await RawConnection.open(port);
    const Authorization = `Bearer ${worker.credential}`;
    connection.write(headOf({ Authorization, Expect: '100-continue', 'Content-Length': String(form.length) }));
    expect((await connection.answer())?.status).toBe(100);
    connection.write(form.subarray(0, -10));
    expect((await experiment.post(`/workers/${worker.id}/reissue-credential`, {})).status).toBe(200);
    connection.write(form.subarray(-10));
    expectProblem((await connection.answer())!, 401, 'unauthorized');
    connection.close();
    expect({ files: t.files(), records: await experiment.records() }).toEqual(before);
  });

  it('a body that stops coming is refused in time, one of 1 KiB/s is not', async () => {
    const slow = await RawConnection.open(port);
    slow.write(headOf({ 'Transfer-Encoding': 'chunked' }));
    slow.write(`${form.length.toString(16)}\r\n`);
    slow.write(form.subarray(0, 20));
    let stopped: RawAnswer | undefined;
    void slow.answer().then((came) => (stopped = came));
    for (let steps = 0; stopped === undefined && steps < 500; steps++) {
      t.clock.advance(1000);
      await new Promise((settle) => setImmediate(settle));
    }
    expect(stopped).toMatchObject({ status: 408, json: { type: 'about:blank', status: 408 } });
    slow.close();
    const steady = await RawConnection.open(port);
    const body = formBody([{ name: 'file', value: Buffer.alloc(90 * 1024) }]);
    steady.write(headOf({ 'Content-Length': String(body.length) }));
    for (let at = 0; at < body.length; at += 1024) {
      await steady.writeAll(body.subarray(at, at + 1024));
      await new Promise((settle) => setTimeout(settle, 1));
      t.clock.advance(1000);
    }
    expect((await steady.answer())?.status).toBe(201);
    steady.close();
  });
});

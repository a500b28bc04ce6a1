// Tests the headers that describe a body. Every upload operation must apply or refuse each of them. If one were
// ignored, the stored bytes would have a wrong meaning.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { boundary, fieldsAndFile, formBody, formType } from './support/form.ts';
import { head, sendRaw } from './support/raw-socket.ts';
import { adminToken, type TestServer } from './support/test-server.ts';
import { wireAdmin, WireExperiment } from './support/wire-experiment.ts';

const bytes = Buffer.from('the whole file\n');
const hash = (algorithm: string, of: Buffer): string => createHash(algorithm).update(of).digest('base64');

type Send = (headers: Record<string, string>) => Promise<{ status: number; text: string; headers: object }>;

interface Door {
  readonly send: Send;
  /** The body of the request, from which the digests are computed. */
  readonly body: Buffer;
  /** Expected status for an unsupported content type. It is 400 on /v0, which has no 415. */
  readonly unsupportedType: number;
  readonly digestRefusal: number;
}

const doors: Readonly<Record<string, (t: TestServer) => Promise<Door>>> = {
  'the upload form': async (t) => {
    const job = await t.enqueue();
    const body = formBody(fieldsAndFile({ name: 'a.txt' }, bytes));
    const url = `/api/queue/jobs/${job.id}/artifacts/upload`;
    const send: Send = (headers) =>
      t.call('POST', url, { payload: body, headers: { 'content-type': formType, ...headers } });
    return { send, body, unsupportedType: 415, digestRefusal: 422 };
  },
  PUT: async (t) => {
    const job = await t.enqueue();
    const send: Send = (headers) => t.put(job.id, { name: 'a.txt', file: bytes, headers });
    return { send, body: bytes, unsupportedType: 415, digestRefusal: 422 };
  },
  'the deposit form': async (t) => {
    const experiment = await WireExperiment.make(t);
    const body = formBody([{ name: 'file', value: bytes }]);
    const send: Send = (headers) => experiment.sendBody(body, wireAdmin, headers);
    return { send, body, unsupportedType: 400, digestRefusal: 400 };
  },
};

forAnyStore('bytes', (harness) => {
  describe.each(Object.entries(doors))('through %s', (_name, open) => {
    it('with a content coding are refused with the codings that are taken', async () => {
      const t = harness();
      const { send, unsupportedType } = await open(t);
      const files = t.files();
      for (const coding of ['gzip', 'br', 'GZIP', 'identity, gzip', 'nonsense']) {
        const answer = await send({ 'content-encoding': coding });
        expect(answer, coding).toMatchObject({ status: unsupportedType, headers: { 'accept-encoding': 'identity' } });
      }
      expect(t.files()).toEqual(files);
      expect((await send({ 'content-encoding': 'identity' })).status).toBe(201);
      expect((await send({ 'content-transfer-encoding': 'base64' })).status).toBe(unsupportedType);
    });

    it('that are a part of a file are refused with 400', async () => {
      const { send } = await open(harness());
      for (const range of ['bytes 1000-3892/3893', 'bytes 0-14/15', 'bytes */15', '']) {
        expect((await send({ 'content-range': range })).status, range).toBe(400);
      }
    });

    it('are held to every digest of theirs', async () => {
      const t = harness();
      const { send, body, digestRefusal } = await open(t);
      const digests = (of: Buffer): Record<string, string>[] => [
        { 'content-digest': `sha-256=:${hash('sha256', of)}:` },
        { 'content-digest': `sha-512=:${hash('sha512', of)}:` },
        { 'repr-digest': `sha-256=:${hash('sha256', of)}:` },
        { 'repr-digest': `unixsum=:AAAA:, sha-512=:${hash('sha512', of)}:` },
        { digest: `SHA-256=${hash('sha256', of)}` },
        { digest: `unixsum=30637, sha-512=${hash('sha512', of)},MD5=${hash('md5', of)}` },
        { 'content-md5': hash('md5', of) },
      ];
      for (const headers of digests(body)) expect((await send(headers)).status, JSON.stringify(headers)).toBe(201);
      const files = t.files();
      for (const headers of [
        ...digests(Buffer.from('other bytes')),
        { 'repr-digest': 'sha-256=:AAAA:' },
        { digest: 'SHA-256=' },
        { 'content-md5': 'AAAA' },
        { 'content-md5': hash('md5', body).slice(0, -2) },
        {
          'content-digest': `sha-256=:${hash('sha256', body)}:`,
          'repr-digest': `sha-256=:${hash('sha256', bytes.subarray(1))}:`,
        },
      ]) {
        expect((await send(headers)).status, JSON.stringify(headers)).toBe(digestRefusal);
      }
      expect(t.files()).toEqual(files);
    });

    it('with a condition that does not hold are refused with 412', async () => {
      const t = harness();
      const isNamed = _name !== 'the deposit form';
      const { send } = await open(t);
      const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
      expect((await send({ 'if-match': '*' })).status).toBe(412);
      expect((await send({ 'if-match': etag })).status).toBe(412);
      expect((await send({ 'if-none-match': '*' })).status).toBe(201);
      const there = isNamed ? 412 : 201;
      expect((await send({ 'if-none-match': '*' })).status).toBe(there);
      expect((await send({ 'if-none-match': `"x", W/${etag}` })).status).toBe(there);
      expect((await send({ 'if-none-match': '"x"' })).status).toBe(201);
      expect((await send({ 'if-match': `"x", ${etag}` })).status).toBe(isNamed ? 201 : 412);
      expect((await send({ 'if-match': `W/${etag}` })).status).toBe(412);
      expect((await send({ 'if-match': 'nonsense' })).status).toBe(400);
      const files = t.files();
      expect((await send({ 'if-match': '"x"' })).status).toBe(412);
      expect(t.files()).toEqual(files);
    });
  });

  it('put under If-None-Match: * at once are taken once', async () => {
    const t = harness();
    const job = await t.enqueue();
    const headers = { 'if-none-match': '*' };
    const puts = Array.from({ length: 8 }, () => t.put(job.id, { name: 'once.txt', headers }));
    const statuses = (await Promise.all(puts)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([201, ...Array.from({ length: 7 }, () => 412)]);
    expect(await t.artifacts(job.id)).toHaveLength(1);
  });

  it('put again under a key and If-None-Match: * are answered as the first time', async () => {
    const t = harness();
    const job = await t.enqueue();
    const headers = { 'if-none-match': '*', 'idempotency-key': 'k' };
    expect((await t.put(job.id, { name: 'a', headers })).status).toBe(201);
    expect((await t.put(job.id, { name: 'a', headers })).status).toBe(200);
  });

  it.each([
    ['base64', 'Content-Transfer-Encoding: base64', 415],
    ['quoted-printable', 'Content-Transfer-Encoding: Quoted-Printable', 415],
    ['a content coding', 'Content-Encoding: gzip', 415],
    ['a range', 'Content-Range: bytes 5-9/10', 400],
    ['the digest of other bytes', `Content-MD5: ${hash('md5', Buffer.from('other'))}`, 422],
    ['binary', 'Content-Transfer-Encoding: binary', 201],
    ['8bit', 'content-transfer-encoding: 8BIT', 201],
    ['its own digest', `Content-MD5: ${hash('md5', bytes)}`, 201],
    ['a length of its own', `Content-Length: ${String(bytes.length)}`, 201],
  ])('in a part with %s are taken as they are or refused', async (_what, line, status) => {
    const t = harness();
    const job = await t.enqueue();
    const experiment = await WireExperiment.make(t);
    const files = t.files();
    const part = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n${line}\r\n\r\n${bytes.toString()}\r\n`;
    const name = `--${boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\na.txt\r\n`;
    const end = `--${boundary}--\r\n`;
    const headers = { 'content-type': formType };
    const url = `/api/queue/jobs/${job.id}/artifacts/upload`;
    expect((await t.call('POST', url, { payload: part + name + end, headers })).status).toBe(status);
    expect((await experiment.sendBody(part + end)).status).toBe(status === 201 ? 201 : 400);
    if (status !== 201) expect(t.files()).toEqual(files);
  });

  it('that are called by a range of types get the type of their name', async () => {
    const t = harness();
    const job = await t.enqueue();
    for (const range of ['image/*', '*/*', 'text/*; q=0.5', '*']) {
      const put = await t.put(job.id, { name: 'a.json', headers: { 'content-type': range } });
      expect(put.json).toMatchObject({ contentType: 'application/json' });
      const upload = await t.upload(job.id, { name: 'a.png', fields: { contentType: range } });
      expect(upload.json).toMatchObject({ contentType: 'image/png' });
      const experiment = await WireExperiment.make(t);
      const deposit = await experiment.deposit('x', wireAdmin, { contentType: range });
      expect(deposit.content_type).toBe('application/octet-stream');
    }
  });
});

forAnyStore('a JSON body', (harness) => {
  it('that is coded, or a part of one, is refused before it is parsed, also at /mcp', async () => {
    const t = harness();
    const job = { type: 'exec' };
    const payload = gzipSync(JSON.stringify(job));
    const type = { 'content-type': 'application/json' };
    for (const url of ['/api/queue/jobs', '/mcp']) {
      const coded = await t.call('POST', url, { payload, headers: { ...type, 'content-encoding': 'gzip' } });
      expect(coded, url).toMatchObject({ status: 415, headers: { 'accept-encoding': 'identity' } });
      const piece = await t.call('POST', url, { json: job, headers: { 'content-range': 'bytes 0-1/2' } });
      expect(piece.status, url).toBe(400);
    }
  });
});

forAnyStore('a transfer coding', (harness) => {
  const chunked = '3\r\nabc\r\n0\r\n\r\n';
  it.each([
    ['HTTP/1.1', 'gzip, chunked', 501],
    ['HTTP/1.1', 'gzip', 501],
    ['HTTP/1.1', 'identity', 501],
    ['HTTP/1.1', 'chunked, gzip', 501],
    ['HTTP/1.1', 'xchunked', 501],
    ['HTTP/1.1', 'chunked, chunked', 400],
    ['HTTP/1.1', '"chunked"', 400],
    ['HTTP/1.1', '', 400],
    ['HTTP/1.0', 'chunked', 400],
    ['HTTP/1.1', 'Chunked', 201],
  ])('in %s called %j is answered %i at every door', async (version, coding, status) => {
    const t = harness();
    const port = await t.listen();
    const job = await t.enqueue();
    const experiment = await WireExperiment.make(t);
    const admin = { Host: 'localhost', Authorization: `Bearer ${adminToken}`, 'Transfer-Encoding': coding };
    const put = await sendRaw(port, head(`PUT /api/queue/jobs/${job.id}/artifacts/a ${version}`, admin) + chunked);
    expect(put, put.body).toMatchObject({ status, reset: false });
    if (status === 201) return;
    expect(put.headers['connection']).toBe('close');
    const wire = { ...admin, Authorization: `Bearer ${wireAdmin}`, 'X-Eden-Experiment-Id': experiment.id };
    const lines = { ...wire, 'Content-Type': formType };
    const deposit = await sendRaw(port, head(`POST ${experiment.path('/artifacts')} ${version}`, lines) + chunked);
    expect(deposit).toMatchObject({
      status,
      json: { type: status === 501 ? 'about:blank' : 'eden://error/bad-request' },
    });
    const json = { ...admin, 'Content-Type': 'application/json' };
    expect((await sendRaw(port, head(`POST /api/queue/jobs ${version}`, json) + chunked)).status).toBe(status);
  });
});

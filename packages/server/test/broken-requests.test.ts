// Tests requests that are no valid HTTP or JSON, and the limits of connections, on a real socket.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../src/http/limits.ts';
import { head, RawConnection, sendRaw } from './support/raw-socket.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';

const maxBytes = 100_000;
const admin = { Host: 'localhost', Authorization: `Bearer ${adminToken}` };
const unknownJob = '00000000-0000-7000-8000-000000000000';

let t: TestServer;
let port: number;

beforeAll(async () => {
  t = await startTestServer({ settings: { maxArtifactBytes: maxBytes } });
  port = await t.listen();
});
afterAll(async () => {
  await t.close();
});

const putLine = (jobId: string, name = 'a.bin'): string => `PUT /api/queue/jobs/${jobId}/artifacts/${name} HTTP/1.1`;
const asWorker = (token: string) => ({ Host: 'localhost', Authorization: `Bearer ${token}` });

describe('what is no HTTP request', () => {
  it.each([
    ['garbage', 'NONSENSE\r\n\r\n', 400],
    ['a line break in the request line', 'GET /a\r /b HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    [
      'two framings',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a negative length', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400],
    ['two Hosts', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', 400],
    [
      'two credentials of one name',
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n',
      400,
    ],
    [
      'two different lengths',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
    ],
    ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
    ['too many headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(17 * 1024)}\r\n\r\n`, 431],
    ['too long an address', `GET /${'x'.repeat(17 * 1024)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
  ])('%s is answered as a problem document with a request id', async (_what, bytes, status) => {
    const answer = await sendRaw(port, bytes);
    expect(answer).toMatchObject({ status, reset: false });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json).toMatchObject({ status, code: 'bad_request', requestId: answer.headers['x-request-id'] });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('does not break into the bytes of a download that is under way', async () => {
    const job = await t.enqueue();
    const { json } = await t.put(job.id, { name: 'a.bin', file: Buffer.alloc(maxBytes, 'a') });
    const connection = await RawConnection.open(port);
    const download = `GET /api/queue/jobs/${job.id}/artifacts/${json.id}/download HTTP/1.1`;
    connection.write(`${head(download, admin)}NONSENSE\r\n\r\n`);
    const answer = await connection.answer();
    if (answer?.status === 200) expect(answer.body).toBe('a'.repeat(maxBytes));
    else expect(answer?.status ?? 400).toBe(400);
    connection.close();
  });

  it.each(['/%', '/%zz', '/api/queue/jobs/%E0%A4', `/api/queue/jobs/${unknownJob}/artifacts/%ff`])(
    'the bad escape in %s is 400',
    async (path) => {
      const method = path.includes('artifacts') ? 'PUT' : 'GET';
      const answer = await sendRaw(port, head(`${method} ${path} HTTP/1.1`, { ...admin, 'Content-Length': 0 }));
      expect(answer).toMatchObject({ status: 400, json: { code: 'bad_request' } });
      expect(answer.json.requestId).toBe(answer.headers['x-request-id']);
    },
  );
});

describe('a JSON route', () => {
  const line = 'POST /api/queue/jobs HTTP/1.1';
  const post = (headers: object, body: string | Buffer = '') =>
    sendRaw(
      port,
      Buffer.concat([
        Buffer.from(head(line, { ...admin, ...headers, 'Content-Length': Buffer.byteLength(body) })),
        Buffer.from(body),
      ]),
    );

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense', ''])(
    'refuses a body of type %j with 415',
    async (type) => {
      expect(await post({ 'Content-Type': type }, '{"type":"exec"}')).toMatchObject({
        status: 415,
        json: { code: 'unsupported_media_type' },
      });
    },
  );

  it('refuses a body without a type with 415', async () => {
    expect(await post({}, '{"type":"exec"}')).toMatchObject({ status: 415 });
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])('takes %s', async (type) => {
    expect(await post({ 'Content-Type': type }, '{"type":"exec"}')).toMatchObject({ status: 201 });
  });

  it.each(['application/json', 'text/plain', undefined])('takes an empty body of type %s', async (type) => {
    const worker = await t.worker({ capabilities: [] });
    const headers = { ...asWorker(worker.token), 'Content-Type': type, 'Content-Length': 0 };
    const answer = await sendRaw(port, head('POST /api/queue/jobs/claim HTTP/1.1', headers));
    expect(answer.status).toBe(200);
  });

  it('refuses more than 1 MiB, with and without saying so first, and takes exactly 1 MiB of white space', async () => {
    const fill = (size: number) => `{"type":"exec"${' '.repeat(size - 15)}}`;
    const json = { 'Content-Type': 'application/json' };
    expect(await post(json, fill(limits.jsonBytes))).toMatchObject({ status: 201 });
    const tooMuch = fill(limits.jsonBytes + 1);
    expect(await post(json, tooMuch)).toMatchObject({ status: 413, json: { code: 'body_too_large' } });
    const chunks = `${tooMuch.length.toString(16)}\r\n${tooMuch}\r\n0\r\n\r\n`;
    const chunked = head(line, { ...admin, ...json, 'Transfer-Encoding': 'chunked' });
    expect(await sendRaw(port, chunked + chunks)).toMatchObject({ status: 413, json: { code: 'body_too_large' } });
  });

  it('refuses what is nested without end, and takes a hundred levels', async () => {
    const nested = (levels: number): string =>
      `{"type":"exec","payload":{"a":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}`;
    expect((await post({ 'Content-Type': 'application/json' }, nested(100))).status).toBe(201);
    for (const levels of [101, 5000, 100_000]) {
      expect(await post({ 'Content-Type': 'application/json' }, nested(levels))).toMatchObject({
        status: 422,
        json: { code: 'invalid_request' },
      });
    }
  });

  it.each(['{"type":"exec","__proto__":{"x":1}}', '{"type":"exec","constructor":{"prototype":{"x":1}}}'])(
    'refuses keys that reach for prototypes: %s',
    async (body) => {
      const answer = await post({ 'Content-Type': 'application/json' }, body);
      const detail = expect.stringContaining('"__proto__"');
      expect(answer).toMatchObject({ status: 400, json: { code: 'bad_request', detail } });
      expect(({} as { x?: number }).x).toBeUndefined();
    },
  );

  it('refuses a number that would come back as null', async () => {
    const body = (number: string) => `{"type":"exec","payload":{"list":[1,${number}]}}`;
    const answer = await post({ 'Content-Type': 'application/json' }, body('-1e400'));
    expect(answer).toMatchObject({ status: 422, json: { detail: expect.stringContaining('send it as text') } });
    expect((await post({ 'Content-Type': 'application/json' }, body('-1e308'))).status).toBe(201);
  });

  it.each(['{', 'null', '[]', '"text"', '{"type":"exec"}x', '\u0000'])('refuses the body %j', async (body) => {
    const answer = await post({ 'Content-Type': 'application/json' }, body);
    expect([400, 422]).toContain(answer.status);
    expect(answer.headers['content-type']).toMatch(/problem\+json/);
  });
});

describe('connections', () => {
  it('HTTP/1.0 with a Host is answered, without one it is refused but for health', async () => {
    expect(await sendRaw(port, 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')).toMatchObject({ status: 200 });
    expect(await sendRaw(port, 'GET / HTTP/1.0\r\n\r\n')).toMatchObject({ status: 403 });
    expect(await sendRaw(port, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatchObject({ status: 200 });
  });

  it('pipelined requests are answered in their order', async () => {
    const job = await t.enqueue();
    const connection = await RawConnection.open(port);
    connection.write(
      [
        head(putLine(job.id, 'one.txt'), { ...admin, 'Content-Length': 3 }) + 'one',
        head(`GET /api/queue/jobs/${job.id} HTTP/1.1`, admin),
        head('GET /nowhere HTTP/1.1', admin),
        head('GET /healthz HTTP/1.1', admin),
      ].join(''),
    );
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < 4; count++) statuses.push((await connection.answer())?.status);
    expect(statuses).toEqual([201, 200, 404, 200]);
    connection.close();
  });

  it('every answer has a request id of its own, whatever the client sent', async () => {
    const ids = new Set<string>();
    for (const path of ['/healthz', '/nowhere', '/api/queue/jobs', '/', '/readyz', '/api/openapi.json']) {
      const answer = await sendRaw(port, head(`GET ${path} HTTP/1.1`, { Host: 'localhost', 'X-Request-Id': 'mine' }));
      ids.add(answer.headers['x-request-id'] ?? '');
      if (answer.status >= 400) expect(answer.json.requestId).toBe(answer.headers['x-request-id']);
    }
    expect(ids.size).toBe(6);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });
});

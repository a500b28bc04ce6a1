// Tests behaviour that only a real socket shows: the time at which an answer arrives, the state of the connection, and
// the exact bytes.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../src/http/limits.ts';
import { boundary, fieldsAndFile, formBody, formType } from './support/form.ts';
import { expectNothingLeft } from './support/leftovers.ts';
import { head, RawConnection, type RawAnswer } from './support/raw-socket.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';

const gibibyte = 1024 ** 3;
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

/** Opens a connection. Returns the client's end and the server's end of it. */
async function openBothEnds(): Promise<{ connection: RawConnection; serverEnd: Socket }> {
  const accepted = once(t.server.app.server, 'connection');
  const connection = await RawConnection.open(port);
  const [serverEnd] = (await accepted) as [Socket];
  return { connection, serverEnd };
}

/** Advances the clock of the server by `stepMs` at a time until the server answers. */
async function answerAsTimePasses(connection: RawConnection, stepMs: number) {
  let answer: RawAnswer | undefined;
  const arrived = connection.answer().then((came) => (answer = came));
  for (let steps = 0; answer === undefined && steps < 1000; steps++) {
    t.clock.advance(stepMs);
    await new Promise((settle) => setImmediate(settle));
  }
  await arrived;
  return answer;
}

const uploadLine = (jobId: string): string => `POST /api/queue/jobs/${jobId}/artifacts/upload HTTP/1.1`;
const putLine = (jobId: string, name = 'a.bin'): string => `PUT /api/queue/jobs/${jobId}/artifacts/${name} HTTP/1.1`;
const asWorker = (token: string) => ({ Host: 'localhost', Authorization: `Bearer ${token}` });

/**
 * Returns requests that the server must refuse by their URL, credential and headers, before it reads the body. Each has
 * the expected status and code.
 */
async function earlyRefusals(): Promise<
  [what: string, request: string, headers: object, status: number, code: string][]
> {
  const { job, worker, lease } = await t.running();
  const stranger = await t.worker();
  return [
    ['no credential', uploadLine(job.id), { Host: 'localhost' }, 401, 'unauthenticated'],
    ['an unknown credential', uploadLine(job.id), asWorker('phw_nobody'), 401, 'unauthenticated'],
    ['a foreign Host', uploadLine(job.id), { ...admin, Host: 'evil.example' }, 403, 'forbidden'],
    ['a class that may not', 'POST /api/queue/jobs HTTP/1.1', asWorker(worker.token), 403, 'forbidden'],
    ['a worker that does not hold', putLine(job.id), asWorker(stranger.token), 403, 'worker_not_authorized'],
    ['an unknown job', uploadLine(unknownJob), admin, 404, 'job_not_found'],
    ['an unknown address', 'POST /api/nothing HTTP/1.1', { ...admin, 'Content-Type': 'text/plain' }, 404, 'not_found'],
    [
      'a lost lease',
      putLine(job.id),
      { ...asWorker(worker.token), 'Proofhouse-Lease': `${lease}x` },
      409,
      'lease_lost',
    ],
    ['a bad name', putLine(job.id, '..'), admin, 422, 'invalid_artifact_name'],
    ['a bad digest', putLine(job.id), { ...admin, 'Content-Digest': 'sha-256=:AAAA:' }, 422, 'invalid_digest'],
    ['a length over the cap', putLine(job.id), admin, 413, 'artifact_too_large'],
    ['no form', uploadLine(job.id), { ...admin, 'Content-Type': 'text/plain' }, 415, 'unsupported_media_type'],
    [
      'no JSON',
      'POST /api/queue/jobs HTTP/1.1',
      { ...admin, 'Content-Type': 'text/plain' },
      415,
      'unsupported_media_type',
    ],
    [
      'a JSON body over 1 MiB',
      'POST /api/queue/jobs HTTP/1.1',
      { ...admin, 'Content-Type': 'application/json' },
      413,
      'body_too_large',
    ],
  ];
}

describe('a request that its headers already decide', () => {
  it('is answered while the client still waits to send a gibibyte, then half-closed without a reset', async () => {
    for (const [what, line, headers, status, code] of await earlyRefusals()) {
      const connection = await RawConnection.open(port);
      connection.write(head(line, { 'Content-Type': formType, ...headers, 'Content-Length': gibibyte }));
      const answer = await connection.answer();
      expect({ what, status: answer?.status, code: answer?.json.code }).toEqual({ what, status, code });
      expect(answer?.headers['connection']).toBe('close');
      expect(answer?.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(await connection.ending()).toBe('ended');
      connection.close();
    }
  });

  it('gets no 100 Continue when it expects one', async () => {
    for (const [what, line, headers, status, code] of await earlyRefusals()) {
      const expecting = { 'Content-Type': formType, ...headers, 'Content-Length': gibibyte, Expect: '100-continue' };
      const connection = await RawConnection.open(port);
      connection.write(head(line, expecting));
      const answer = await connection.answer();
      expect({ what, status: answer?.status, code: answer?.json?.code }).toEqual({ what, status, code });
      connection.close();
    }
  });

  it('may go on sending a mebibyte and still reads its answer; the server closes when the client does', async () => {
    const { connection, serverEnd } = await openBothEnds();
    const body = Buffer.alloc(limits.drainBytes);
    connection.write(head(putLine(unknownJob), { ...admin, 'Content-Length': body.length }));
    await connection.writeAll(body);
    const answer = await connection.answer();
    expect(answer?.status).toBe(404);
    expect(await connection.ending()).toBe('ended');
    connection.socket.end();
    await expect.poll(() => serverEnd.destroyed, { interval: 5 }).toBe(true);
    connection.close();
  });

  it('is cut off after a mebibyte more', async () => {
    const { connection, serverEnd } = await openBothEnds();
    connection.write(head(putLine(unknownJob), { ...admin, 'Content-Length': gibibyte }));
    const answer = await connection.answer();
    expect(answer?.status).toBe(404);
    const piece = Buffer.alloc(1024 * 1024);
    for (let sent = 0; !serverEnd.destroyed && sent < 64; sent++) await connection.writeAll(piece);
    expect(serverEnd.destroyed).toBe(true);
    expect(serverEnd.bytesRead).toBeLessThan(4 * limits.drainBytes);
    connection.close();
  });

  it('is cut off after two seconds when it neither sends nor closes', async () => {
    const { connection, serverEnd } = await openBothEnds();
    connection.write(head(putLine(unknownJob), { ...admin, 'Content-Length': gibibyte }));
    await connection.answer();
    await connection.ending();
    expect(serverEnd.destroyed).toBe(false);
    t.clock.advance(limits.drainMs);
    expect(serverEnd.destroyed).toBe(true);
    connection.close();
  });
});

describe('requests that are written all at once', () => {
  const enqueue = (body: string): string =>
    `${head('POST /api/queue/jobs HTTP/1.1', { ...admin, 'Content-Type': 'application/json', 'Content-Length': body.length })}${body}`;

  it('are not served behind one that is refused before its body is read, and no answer is lost', async () => {
    const before = (await t.get('/api/queue/jobs?limit=200')).json.items.length as number;
    for (const length of [0, 1, 10_000, limits.drainBytes - 10_000]) {
      const refused = head(putLine(unknownJob), { ...admin, 'Content-Length': length || 5 }) + 'x'.repeat(length || 5);
      const evil = head('POST /api/queue/jobs HTTP/1.1', { ...admin, Host: 'evil.example', 'Content-Length': 2 });
      const { connection, serverEnd } = await openBothEnds();
      connection.write(
        `${head('GET /healthz HTTP/1.1', admin)}${length === 0 ? `${evil}{}` : refused}${enqueue('{"type":"exec"}')}`,
      );
      expect((await connection.answer())?.status).toBe(200);
      expect((await connection.answer())?.status).toBe(length === 0 ? 403 : 404);
      expect(await connection.ending()).toBe('ended');
      expect(connection.rest).toBe('');
      connection.socket.end();
      await expect.poll(() => serverEnd.destroyed, { interval: 5 }).toBe(true);
      connection.close();
    }
    expect((await t.get('/api/queue/jobs?limit=200')).json.items).toHaveLength(before);
  });

  it('that are no HTTP are answered once, however many packets of them follow', async () => {
    const { connection, serverEnd } = await openBothEnds();
    connection.socket.setNoDelay(true);
    for (let packet = 0; packet < 20; packet += 1) {
      await connection.writeAll(Buffer.from('NONSENSE\r\n\r\n'.repeat(1000)));
      await new Promise((settle) => setImmediate(settle));
    }
    expect((await connection.answer())?.status).toBe(400);
    expect(await connection.ending()).toBe('ended');
    expect(connection.rest).toBe('');
    connection.socket.end();
    await expect.poll(() => serverEnd.destroyed, { interval: 5 }).toBe(true);
    connection.close();
  });
});

describe('a refusal in the middle of the body', () => {
  it('reaches a client that first sends everything: too large, in chunks', async () => {
    const job = await t.enqueue();
    const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
    const { connection, serverEnd } = await openBothEnds();
    const body = Buffer.alloc(limits.drainBytes);
    connection.write(head(putLine(job.id), { ...admin, 'Transfer-Encoding': 'chunked' }));
    await connection.writeAll(Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body]));
    connection.write('\r\n0\r\n\r\n');
    const answer = await connection.answer();
    expect(answer).toMatchObject({ status: 413, json: { code: 'artifact_too_large' } });
    expect(await connection.ending()).toBe('ended');
    connection.socket.end();
    await expect.poll(() => serverEnd.destroyed, { interval: 5 }).toBe(true);
    connection.close();
    await expectNothingLeft(t, job.id, before);
  });

  it('reaches a client that first sends everything: a bad field before a large file', async () => {
    const job = await t.enqueue();
    const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
    const { connection, serverEnd } = await openBothEnds();
    const parts = [
      { name: 'nonsense', value: 'x' },
      { name: 'name', value: 'a.bin' },
      { name: 'file', value: Buffer.alloc(maxBytes) },
    ];
    const body = formBody(parts);
    connection.write(head(uploadLine(job.id), { ...admin, 'Content-Type': formType, 'Content-Length': body.length }));
    await connection.writeAll(body);
    expect(await connection.answer()).toMatchObject({ status: 422, json: { errors: [{ path: 'nonsense' }] } });
    expect(await connection.ending()).toBe('ended');
    connection.socket.end();
    await expect.poll(() => serverEnd.destroyed, { interval: 5 }).toBe(true);
    connection.close();
    await expectNothingLeft(t, job.id, before);
  });
});

describe('Expect: 100-continue', () => {
  it('is answered once all that the headers decide has been decided', async () => {
    const job = await t.enqueue();
    const body = formBody(fieldsAndFile({ name: 'a.txt' }));
    const requests: [string, object, Buffer][] = [
      [putLine(job.id), {}, Buffer.from('bytes')],
      [uploadLine(job.id), { 'Content-Type': formType }, body],
      ['POST /api/queue/jobs HTTP/1.1', { 'Content-Type': 'application/json' }, Buffer.from('{"type":"exec"}')],
    ];
    for (const [line, headers, bytes] of requests) {
      const connection = await RawConnection.open(port);
      connection.write(head(line, { ...admin, ...headers, 'Content-Length': bytes.length, Expect: '100-continue' }));
      expect((await connection.answer())?.status).toBe(100);
      connection.write(bytes);
      expect((await connection.answer())?.status).toBe(201);
      connection.close();
    }
  });
});

describe('a client that is slow', () => {
  it.each(['PUT', 'form'])('with the bytes of an upload (%s) is answered 408 and leaves nothing', async (how) => {
    const job = await t.enqueue();
    const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
    const { connection, serverEnd } = await openBothEnds();
    const line = how === 'PUT' ? putLine(job.id) : uploadLine(job.id);
    const headers = { ...admin, 'Content-Type': formType, 'Content-Length': 50_000, Expect: '100-continue' };
    connection.write(head(line, headers));
    await connection.answer();
    connection.write(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nsome`);
    const answer = await answerAsTimePasses(connection, limits.slowBodyWindowMs);
    expect(answer).toMatchObject({ status: 408, json: { code: 'request_timeout' } });
    expect(await connection.ending()).toBe('ended');
    await connection.writeAll(Buffer.alloc(50_000));
    await expect.poll(() => serverEnd.destroyed, { interval: 5 }).toBe(true);
    connection.close();
    await expectNothingLeft(t, job.id, before);
  });

  it.each(['PUT', 'form'])(
    'and whose token is revoked meanwhile (%s) is answered 401 and leaves nothing',
    async (how) => {
      const { job, worker, lease } = await t.running();
      const before = { files: t.files(), artifacts: await t.artifacts(job.id) };
      const body = how === 'PUT' ? Buffer.from('some bytes') : formBody(fieldsAndFile({ name: 'a.txt' }));
      const connection = await RawConnection.open(port);
      const headers = { Host: 'localhost', Authorization: `Bearer ${worker.token}`, 'Proofhouse-Lease': lease };
      const about = { 'Content-Type': formType, 'Content-Length': body.length, Expect: '100-continue' };
      connection.write(head(how === 'PUT' ? putLine(job.id) : uploadLine(job.id), { ...headers, ...about }));
      expect((await connection.answer())?.status).toBe(100);
      connection.write(body.subarray(0, -5));
      const tokens = (await t.get('/api/queue/workers/tokens')).json.items as { id: string; workerId: string }[];
      const id = tokens.find(({ workerId }) => workerId === worker.id)?.id ?? '';
      expect((await t.post(`/api/queue/workers/tokens/${id}/revoke`)).status).toBe(200);
      connection.write(body.subarray(-5));
      expect(await connection.answer()).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
      connection.close();
      await expectNothingLeft(t, job.id, before);
    },
  );

  it('but brings enough bytes in each window may take as long as it likes', async () => {
    const job = await t.enqueue();
    const { connection, serverEnd } = await openBothEnds();
    const piece = Buffer.alloc(limits.slowBodyBytes);
    connection.write(head(putLine(job.id), { ...admin, 'Content-Length': piece.length * 4, Expect: '100-continue' }));
    await connection.answer();
    for (let sent = 0; sent < 4; sent++) {
      const arrived = serverEnd.bytesRead + piece.length;
      connection.write(piece);
      await expect.poll(() => serverEnd.bytesRead, { interval: 1 }).toBe(arrived);
      await new Promise((settle) => setTimeout(settle, 5));
      if (sent < 3) t.clock.advance(limits.slowBodyWindowMs);
    }
    expect((await connection.answer())?.status).toBe(201);
    connection.close();
  });

  it('with a JSON body is answered 408', async () => {
    const connection = await RawConnection.open(port);
    const headers = { ...admin, 'Content-Type': 'application/json', 'Content-Length': 100, Expect: '100-continue' };
    connection.write(head('POST /api/queue/jobs HTTP/1.1', headers));
    await connection.answer();
    connection.write('{"type":');
    const answer = await answerAsTimePasses(connection, limits.jsonMs);
    expect(answer).toMatchObject({ status: 408, json: { code: 'request_timeout' } });
    expect(await connection.ending()).toBe('ended');
    connection.close();
  });

  it('with its headers is answered 408', async () => {
    const { connection, serverEnd: socket } = await openBothEnds();
    connection.write('GET /healthz HTTP/1.1\r\nHost: local');
    const late = Object.assign(new Error('headers'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    t.server.app.server.emit('clientError', late, socket);
    expect(await connection.answer()).toMatchObject({ status: 408, json: { code: 'request_timeout', status: 408 } });
    connection.close();
  });
});

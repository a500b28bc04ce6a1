// Tests the limits on the requests, streams and other resources that one credential has open at the same time. When one
// credential reaches a limit, other callers must still be served.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { EventStreamReader } from './support/event-stream-reader.ts';
import { head, RawConnection } from './support/raw-socket.ts';
import { forAnyStore } from './support/for-each-store.ts';
import { adminToken, startTestServer, type TestServer, type TestWorker } from './support/test-server.ts';

const one = { perCredential: 2, inAll: 3 };
const many = { perCredential: 1000, inAll: 1000 };
const open = { requests: many, streams: many, downloads: many, excerpts: many };
const mib = 1024 * 1024;

let t: TestServer;
let sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await t.close();
});

const start = async (limits: object = {}, settings: object = {}): Promise<number> => {
  t = await startTestServer({ settings: { loadLimits: { ...open, ...limits }, ...settings } });
  return t.listen();
};

/** Sends a request and never reads its answer. */
async function unread(port: number, path: string, token: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined).pause();
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write(head(`GET ${path} HTTP/1.1`, { Host: 'localhost', Authorization: `Bearer ${token}` }));
  return socket;
}

const busy = { status: 429, json: { code: 'too_busy' }, headers: { 'retry-after': '1' } };

async function expectServed(): Promise<void> {
  for (const path of ['/healthz', '/readyz', '/metrics']) expect((await t.get(path)).status).toBe(200);
}

describe('more than its share is answered 429 with Retry-After', () => {
  it('of open requests, such as long polls; others and health are served, and an end makes room', async () => {
    const port = await start({ requests: one });
    const [greedy, honest] = [await t.worker(), await t.worker()];
    const poll = async (worker: TestWorker): Promise<RawConnection> => {
      const connection = await RawConnection.open(port);
      sockets.push(connection.socket);
      const body = '{"waitSeconds":30}';
      const headers = {
        Host: 'localhost',
        Authorization: `Bearer ${worker.token}`,
        'Content-Type': 'application/json',
        'Content-Length': body.length,
      };
      connection.write(head('POST /api/queue/jobs/claim HTTP/1.1', headers) + body);
      return connection;
    };
    const polls = [await poll(greedy), await poll(greedy)];
    await expect.poll(() => t.get('/api/queue/jobs', greedy)).toMatchObject(busy);
    expect((await t.get('/api/queue/jobs', honest)).status).toBe(200);
    const third = await poll(honest);
    await expect.poll(() => t.get('/api/queue/jobs')).toMatchObject(busy);
    await expectServed();
    third.socket.destroy();
    for (const { socket } of polls) socket.destroy();
    await expect.poll(async () => (await t.get('/api/queue/jobs', greedy)).status).toBe(200);
  });

  it('of event streams', async () => {
    await start({ streams: one });
    const { job, worker } = await t.running();
    const path = `/api/queue/jobs/${job.id}/events/stream`;
    const streams = [await EventStreamReader.open(t, path, { as: worker })];
    streams.push(await EventStreamReader.open(t, path, { as: worker }));
    expect(await t.get(path, worker)).toMatchObject(busy);
    streams.push(await EventStreamReader.open(t, path));
    expect(await t.get(path)).toMatchObject(busy);
    await expectServed();
    for (const stream of streams) stream.close();
    await expect.poll(async () => (await t.call('HEAD', path, { as: worker })).status).toBe(200);
  });

  it('of downloads that nobody reads, by ticket too', async () => {
    const port = await start({ downloads: { perCredential: 2, inAll: 5 } });
    const job = await t.enqueue();
    const { json } = await t.put(job.id, { name: 'big.bin', file: Buffer.alloc(64 * mib) });
    const path = `/api/queue/jobs/${job.id}/artifacts/${json.id as string}/download`;
    const ticket = (await t.post('/api/tickets', { path })).json.path as string;
    for (let count = 0; count < 2; count += 1) await unread(port, path, adminToken);
    await expect.poll(() => t.get(path, 'admin', { range: 'bytes=0-0' })).toMatchObject(busy);
    expect((await t.get(`/${ticket}`, null)).status).toBe(429);
    expect((await t.call('HEAD', path)).status).toBe(200);
    await expectServed();
  });

  it('of excerpts, over HTTP and as a tool', async () => {
    await start({ excerpts: { perCredential: 1, inAll: 1 } });
    const job = await t.enqueue();
    const { json } = await t.put(job.id, { name: 'log.log', file: Buffer.alloc(8 * mib, 'no needle here\n') });
    const path = `/api/queue/jobs/${job.id}/artifacts/${json.id as string}/excerpt?grep=absent`;
    const answers = await Promise.all(Array.from({ length: 20 }, () => t.get(path)));
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect((await t.get(path)).status).toBe(200);
  });
});

it('while excerpts are searched, health answers between two slices', async () => {
  await start();
  const job = await t.enqueue();
  const { json } = await t.put(job.id, { name: 'log.log', file: Buffer.alloc(16 * mib, 'no needle here\n') });
  const path = `/api/queue/jobs/${job.id}/artifacts/${json.id as string}/excerpt?grep=absent`;
  const state = { isOver: false };
  const searches = Promise.all(Array.from({ length: 4 }, () => t.get(path))).finally(() => (state.isOver = true));
  let answered = 0;
  while (!state.isOver) {
    await t.get('/healthz', null);
    answered += 1;
  }
  expect((await searches).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(answered).toBeGreaterThan(10);
});

it('a thousand long polls of as many credentials are an honest fleet', async () => {
  t = await startTestServer();
  const port = await t.listen();
  const tokens = await Promise.all(Array.from({ length: 1000 }, async () => (await t.worker()).token));
  const body = '{"waitSeconds":30}';
  const polls = await Promise.all(
    tokens.map(async (token) => {
      const connection = await RawConnection.open(port);
      sockets.push(connection.socket);
      const headers = { Host: 'localhost', Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      connection.write(
        head('POST /api/queue/jobs/claim HTTP/1.1', { ...headers, 'Content-Length': body.length }) + body,
      );
      return connection;
    }),
  );
  for (let count = 0; count < 1000; count += 50) {
    await Promise.all(Array.from({ length: 50 }, () => t.enqueue()));
  }
  const statuses = await Promise.all(polls.map(async (poll) => (await poll.answer())?.status));
  expect(statuses.every((status) => status === 200)).toBe(true);
});

forAnyStore('a page of a list', (harness) => {
  it('is short when its rows are large, and the next one goes on', async () => {
    const server = harness();
    const note = 'x'.repeat(200 * 1024);
    const made: string[] = [];
    for (let count = 0; count < 12; count += 1) made.push((await server.enqueue({ payload: { note } })).id);
    for (let count = 0; count < 60; count += 1) made.push((await server.enqueue()).id);
    for (const filter of ['', '&type=exec', '&status=queued']) {
      const listed: string[] = [];
      let cursor = '';
      do {
        const page = await server.get(`/api/queue/jobs?limit=200${filter}${cursor}`);
        expect(page.bytes.length).toBeLessThan(1.5 * mib);
        expect(page.json.items.length).toBeGreaterThan(0);
        listed.push(...(page.json.items as { id: string }[]).map(({ id }) => id));
        cursor = page.json.nextCursor === null ? '' : `&cursor=${page.json.nextCursor as string}`;
      } while (cursor !== '');
      expect(listed).toEqual(made.toReversed());
    }
  });
});

// Tests large downloads over a real socket. The server sends them with a few buffers that it reuses.
import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readlink, rm, truncate } from 'node:fs/promises';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Blobs, FilesystemBackend, type BlobRef } from '@proofhouse/blobs';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sendBlob } from './send-blob.ts';

const mib = 1024 * 1024;
let root: string;
let backend: FilesystemBackend;
let blobs: Blobs;
let app: FastifyInstance;
let port: number;
let stored: BlobRef[];
let clients: Client[];
/** The HTTP statuses of all responses that ended, completely or not. */
let answered: number[];
/** Called after the file is opened and before its first byte is read. */
let afterOpen: (path: string) => Promise<void>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'proofhouse-send-'));
  backend = new FilesystemBackend({ root });
  await backend.open();
  blobs = new Blobs({ backend, newKey: () => 'abcdefghijklmnop'.charAt(stored.length).repeat(32) });
  stored = [];
  answered = [];
  clients = [];
  afterOpen = () => Promise.resolve();
  app = Fastify({ forceCloseConnections: 'idle' });
  app.route({ method: ['GET', 'HEAD'], url: '/:index', exposeHeadRoute: false, handler: send });
  app.addHook('onResponse', async (_request, reply) => {
    answered.push(reply.statusCode);
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  await app.close();
  await backend.close();
  await rm(root, { recursive: true, force: true });
});

async function send(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const blob = stored[Number((request.params as { index: string }).index)];
  if (blob === undefined) throw new Error('There is no such blob.');
  return await sendBlob(request, reply, {
    blob,
    contentType: 'application/x-thing',
    filename: 'a.bin',
    open: async (range) => {
      const opened = await blobs.open(blob, range);
      await afterOpen(backend.localPath(blob.key));
      return opened;
    },
  });
}

/** Returns pseudo-random bytes that are the same for the same seed. */
function pattern(seed: number, sizeBytes: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

async function store(bytes: Buffer): Promise<number> {
  return stored.push(await blobs.receive(Readable.from([bytes]))) - 1;
}

/** An HTTP client that can read slowly. Before each chunk it waits for `turns` iterations of the event loop. */
class Client {
  readonly socket: Socket = connect({ port, host: '127.0.0.1' });
  readonly #turns: number;
  #left: Buffer = Buffer.alloc(0);
  #changed: () => void = () => undefined;

  constructor(turns = 0) {
    this.#turns = turns;
    clients.push(this);
    for (const event of ['readable', 'end', 'close', 'error']) this.socket.on(event, () => this.#changed());
  }

  ask(index: number, headers = '', method = 'GET'): void {
    this.socket.write(`${method} /${String(index)} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  }

  /** Returns the next answer. `whole` is false if the connection ended before the answer was complete. */
  async answer(withoutBody = false): Promise<{ head: string; body: Buffer; whole: boolean }> {
    const chunks = [this.#left];
    let head = '';
    let wanted = Infinity;
    let bytes = this.#left.length;
    while (bytes < wanted) {
      if (head === '') {
        const text = Buffer.concat(chunks);
        const end = text.indexOf('\r\n\r\n');
        if (end !== -1) {
          head = text.toString('latin1', 0, end);
          wanted = end + 4 + (withoutBody ? 0 : Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0));
          continue;
        }
      }
      const chunk = await this.#chunk();
      if (chunk === undefined) break;
      chunks.push(chunk);
      bytes += chunk.length;
    }
    const all = Buffer.concat(chunks);
    const bodyStart = all.indexOf('\r\n\r\n') + 4;
    this.#left = all.subarray(Math.min(wanted, all.length));
    return { head, body: all.subarray(bodyStart, Math.min(wanted, all.length)), whole: bytes >= wanted };
  }

  async #chunk(): Promise<Buffer | undefined> {
    for (let turn = 0; turn < this.#turns; turn++) await nextTurn();
    for (;;) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk !== null) return chunk;
      if (this.socket.readableEnded || this.socket.destroyed) return undefined;
      await new Promise<void>((changed) => (this.#changed = changed));
    }
  }
}

/** Returns the number of blob files that this process has open. */
async function openBlobs(): Promise<number> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((link) => /\/blobs\/.\/.{32}/.test(link)).length;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await nextTurn();
}

it('many downloads at once, read fast and slowly, are each exactly the bytes that were stored', async () => {
  const contents = Array.from({ length: 12 }, (_, seed) => pattern(seed, 10 * mib + seed * 77_777));
  for (const bytes of contents) await store(bytes);
  const read = async (index: number): Promise<void> => {
    const client = new Client((index % 4) * 15);
    // Each connection sends two requests. The second one requests a range that starts in the middle of a buffer.
    for (const from of [0, 1234 + index]) {
      client.ask(index, from === 0 ? '' : `Range: bytes=${String(from)}-\r\n`);
      const { head, body, whole } = await client.answer();
      expect(whole).toBe(true);
      expect(head).toMatch(from === 0 ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 206 /);
      expect(body.equals(contents[index]?.subarray(from) ?? Buffer.alloc(0))).toBe(true);
    }
  };
  await Promise.all(contents.map((_, index) => read(index)));
  await until(() => answered.length === 24);
  expect(await openBlobs()).toBe(0);
});

it('while clients come and go midway, the others still get exactly their bytes', async () => {
  const contents = Array.from({ length: 4 }, (_, seed) => pattern(seed, 12 * mib));
  for (const bytes of contents) await store(bytes);
  const leave = async (index: number): Promise<void> => {
    for (let time = 0; time < 15; time++) {
      const client = new Client();
      client.ask(index);
      await once(client.socket, 'readable');
      client.socket.resetAndDestroy();
      await nextTurn();
    }
  };
  const stay = async (index: number): Promise<void> => {
    const client = new Client(20);
    for (let time = 0; time < 3; time++) {
      client.ask(index);
      expect((await client.answer()).body.equals(contents[index] ?? Buffer.alloc(0))).toBe(true);
    }
  };
  await Promise.all([0, 1, 2, 3].flatMap((index) => [stay(index), leave(index)]));
  await until(async () => (await openBlobs()) === 0);
});

it('requests that were sent at once are answered whole and in their order on one connection', async () => {
  const contents = [pattern(1, 3 * mib), pattern(2, 1000), pattern(3, 4 * mib + 1)];
  for (const bytes of contents) await store(bytes);
  const client = new Client(3);
  for (const index of [0, 1, 2, 0]) client.ask(index);
  for (const index of [0, 1, 2, 0]) {
    expect((await client.answer()).body.equals(contents[index] ?? Buffer.alloc(0))).toBe(true);
  }
  client.ask(0, '', 'HEAD');
  expect((await client.answer(true)).head).toContain(`content-length: ${String(3 * mib)}`);
  await until(() => answered.length === 5);
  expect(answered).toEqual([200, 200, 200, 200, 200]);
});

it('a file that is cut before its first byte is read is an error with an answer', async () => {
  const index = await store(pattern(1, 3 * mib));
  afterOpen = async (path) => {
    await chmod(path, 0o640);
    await truncate(path, 0);
  };
  const client = new Client();
  client.ask(index);
  expect(await client.answer()).toMatchObject({ head: expect.stringMatching(/^HTTP\/1.1 500 /), whole: true });
  expect(await openBlobs()).toBe(0);
});

it('a file that is cut while it is sent breaks the connection, so that nobody takes it for whole', async () => {
  const index = await store(pattern(1, 8 * mib));
  afterOpen = async (path) => {
    await chmod(path, 0o640);
    await truncate(path, 3 * mib);
  };
  const client = new Client();
  client.ask(index);
  const { head, body, whole } = await client.answer();
  expect(head).toMatch(/^HTTP\/1.1 200 /);
  expect(whole).toBe(false);
  expect(body.equals(pattern(1, 8 * mib).subarray(0, body.length))).toBe(true);
  await until(async () => (await openBlobs()) === 0);
});

it('a server that stops lets a download that is under way finish', async () => {
  const bytes = pattern(1, 24 * mib);
  const index = await store(bytes);
  const client = new Client(5);
  client.ask(index);
  await once(client.socket, 'readable');
  let closed = false;
  const closing = app.close().then(() => (closed = true));
  await nextTurn();
  expect(closed).toBe(false);
  expect((await client.answer()).body.equals(bytes)).toBe(true);
  client.socket.destroy();
  await closing;
  expect(answered).toEqual([200]);
});

// Sends many uploads over keep-alive and pipelined connections. The server refuses them before it has read their
// bodies. The script counts the clients that get a broken connection instead of the answer.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chaosToken, ServerProcess } from './server-process.ts';

export interface RefusalOptions {
  readonly refusals: number;
  /** Number of clients. Each sends one request at a time. */
  readonly clients: number;
}

export interface RefusalReport {
  readonly refusals: number;
  /** Number of requests by the name of the function that sent them. Each function sends requests in another way. */
  readonly ways: Readonly<Record<string, number>>;
  /** The first hundred requests that did not get the expected status, one sentence each. */
  readonly broken: readonly string[];
}

interface Target {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
  /** The size of each body in bytes. If it is omitted, all sizes in `bodySizes` are used. */
  readonly size?: number;
}

/**
 * Sizes in bytes of a refused body. A client may send so many bytes completely and still receive the answer
 * (docs/protocol: at most 1 MiB).
 */
const bodySizes = [1, 1000, 16_384, 65_536, 200_000, 900_000];
const mostShown = 100;
const body = randomBytes(Math.max(...bodySizes));

export async function refuseEarly({ refusals, clients }: RefusalOptions): Promise<RefusalReport> {
  const folder = mkdtempSync(path.join(tmpdir(), 'proofhouse-refusals-'));
  const server = await ServerProcess.mustStart({
    PROOFHOUSE_DATA_DIR: folder,
    PROOFHOUSE_MAX_ARTIFACT_BYTES: '10000',
  });
  const ways: Record<string, number> = {};
  const broken: string[] = [];
  try {
    const targets = await targetsOf(server);
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < refusals) {
        const turn = next++;
        const target = at(targets, turn);
        const size = target.size ?? at(bodySizes, Math.floor(turn / targets.length));
        const [name, send] = at(senders, Math.floor(turn / 7));
        ways[name] = (ways[name] ?? 0) + 1;
        const status = await send(server.url, target, size).catch((error: unknown) => wordsOf(error));
        if (status !== target.status && broken.length < mostShown) {
          broken.push(`${name}, ${target.method} ${target.path}, ${String(size)} bytes: ${String(status)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    return { refusals: next, ways, broken };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function targetsOf(server: ServerProcess): Promise<Target[]> {
  const { id } = (await server.json('/api/queue/jobs', { type: 'exec' })) as { id: string };
  const unknown = '/api/queue/jobs/00000000-0000-7000-8000-000000000000/artifacts/a.bin';
  const credential = { authorization: `Bearer ${chaosToken}` };
  const put = { method: 'PUT', headers: credential };
  return [
    { ...put, path: unknown, status: 404 },
    { ...put, path: unknown, headers: {}, status: 401 },
    { ...put, path: `/api/queue/jobs/${id}/artifacts/a%01b`, status: 422 },
    // This upload is refused while its body is read, because the body is too large.
    { ...put, path: `/api/queue/jobs/${id}/artifacts/a.bin`, status: 413, size: 200_000 },
    { method: 'POST', path: '/api/queue/jobs', headers: { ...credential, 'content-type': 'text/plain' }, status: 415 },
    { method: 'POST', path: '/v0/experiments/exp_x/artifacts', headers: {}, status: 401 },
  ];
}

type Send = (url: string, target: Target, size: number) => Promise<number | string>;

const senders: readonly (readonly [name: string, send: Send])[] = [
  ['fetch', async (url, target, size) => fetched(url, target, body.subarray(0, size))],
  ['fetch with a stream', async (url, target, size) => fetched(url, target, streamOf(size))],
  [
    'fetch with a late body',
    async (url, target, size) => fetched(url, target, streamOf(target.size ?? Math.min(size, 65_536), true)),
  ],
  ['pipelined', pipelined],
];

async function fetched(url: string, target: Target, sent: Uint8Array<ArrayBuffer> | ReadableStream): Promise<number> {
  // After this call, an idle keep-alive connection exists, which the next request reuses.
  await (await fetch(`${url}/healthz`)).arrayBuffer();
  const init = { method: target.method, headers: target.headers, body: sent, duplex: 'half' };
  const answer = await fetch(url + target.path, init as RequestInit);
  await answer.arrayBuffer();
  return answer.status;
}

function streamOf(size: number, late = false): ReadableStream {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      // Delays the chunk, so that the client sends it at about the moment at which the server answers.
      if (late) await new Promise((settle) => setTimeout(settle, at === 0 ? 0 : Math.random() * 3));
      controller.enqueue(body.subarray(at, Math.min(at + 20_000, size)));
      at += 20_000;
      if (at >= size) controller.close();
    },
  });
}

/**
 * Writes four pipelined requests at once: two that succeed, one that is refused, and one more. The server must not
 * answer the last one, because it closes the connection after a refusal. Returns the status of the third answer, or a
 * sentence if there are not exactly three answers.
 */
function pipelined(url: string, target: Target, size: number): Promise<number | string> {
  const { port } = new URL(url);
  const lines = { host: `127.0.0.1:${port}`, ...target.headers, 'content-length': String(size) };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  const before = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' });
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => {
      const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
      resolve(statuses.length === 3 && statuses[0] === 200 ? at(statuses, 2) : `answers: ${statuses.join(' ')}`);
    });
    socket.write(before + before + `${target.method} ${target.path} HTTP/1.1\r\n${head.join('')}\r\n`);
    socket.write(body.subarray(0, size));
    socket.write(before);
  });
}

function at<T>(list: readonly T[], turn: number): T {
  return list[turn % list.length] as T;
}

function wordsOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

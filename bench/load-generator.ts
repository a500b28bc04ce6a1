// Sends requests as fast as a server accepts them. Runs in its own process. Its parent process sends it one order at a
// time over the IPC channel.
import { createHash, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { RawConnection, type RawRequest } from './raw-connection.ts';

export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  /** Number of requests to send. If it is omitted, requests are sent for `forMs` milliseconds. */
  readonly requests?: number;
  readonly forMs?: number;
  readonly method: 'PUT' | 'POST' | 'GET';
  /** Path of each request. `{n}` is replaced by a number that is unique in this process. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Size of the body in bytes. With `form`, it is the size of the file in the form. */
  readonly bodyBytes?: number;
  readonly form?: boolean;
  /** True to send lines of a log as the body. Default: random bytes, which the server treats as binary content. */
  readonly text?: boolean;
  readonly expectedBytes?: number;
  /**
   * True to hash the sent or downloaded bytes and to return the digest. Used only for checks, because hashing makes a
   * measurement slower.
   */
  readonly digest?: boolean;
}

export interface LoadResult {
  readonly requests: number;
  readonly bytes: number;
  readonly ms: number;
  readonly lastBody: string;
  readonly sha256: string;
}

const pieceBytes = 1024 * 1024;
const randomPiece = randomBytes(pieceBytes);
const textPiece = logText(pieceBytes);
const boundary = 'proofhouse-bench-boundary';
let sent = 0;

/** Returns lines of a log. Each line has a different number and a different hexadecimal word. */
function logText(sizeBytes: number): Buffer {
  let text = '';
  for (let line = 0; text.length < sizeBytes; line += 1) {
    const word = createHash('sha256').update(String(line)).digest('hex').slice(0, 12);
    text += `2026-01-01T00:00:00Z INFO build step=${String(line)} module=packages/core/${word} took ${String(line % 97)} ms\n`;
  }
  return Buffer.from(text).subarray(0, sizeBytes);
}

function* pieces(sizeBytes: number, isText = false): Generator<Uint8Array> {
  const piece = isText ? textPiece : randomPiece;
  for (let left = sizeBytes; left > 0; left -= pieceBytes) yield left >= pieceBytes ? piece : piece.subarray(0, left);
}

function* formBody(name: string, sizeBytes: number, isText = false): Generator<Uint8Array> {
  yield Buffer.from(formHead(name));
  yield* pieces(sizeBytes, isText);
  yield Buffer.from(formTail);
}

const formTail = `\r\n--${boundary}--\r\n`;

function formHead(name: string): string {
  const field = `--${boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\n${name}\r\n`;
  const file = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n`;
  return `${field}${file}Content-Type: application/octet-stream\r\n\r\n`;
}

function requestOf(order: LoadOrder): RawRequest {
  const number = String(sent++);
  const headers: Record<string, string> = { host: '127.0.0.1', ...order.headers };
  const fileBytes = order.bodyBytes;
  const form = order.form === true && fileBytes !== undefined ? formHead(`form-${number}`) : undefined;
  if (fileBytes !== undefined) {
    headers['content-length'] = String(fileBytes + (form === undefined ? 0 : form.length + formTail.length));
    headers['content-type'] ??=
      form === undefined ? 'application/octet-stream' : `multipart/form-data; boundary=${boundary}`;
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${order.method} ${order.path.replace('{n}', number)} HTTP/1.1\r\n${lines.join('')}\r\n`;
  if (fileBytes === undefined) return { head };
  const body = form === undefined ? pieces(fileBytes, order.text) : formBody(`form-${number}`, fileBytes, order.text);
  return { head, body };
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const connections = await Promise.all(
    Array.from({ length: order.connections }, () => RawConnection.open(order.port)),
  );
  const hash = createHash('sha256');
  let requests = 0;
  let begun = 0;
  let bytes = 0;
  let lastBody = '';
  const start = performance.now();
  const mayGoOn = (): boolean =>
    order.requests === undefined ? performance.now() - start < (order.forMs ?? 0) : begun < order.requests;
  const work = async (connection: RawConnection): Promise<void> => {
    while (mayGoOn()) {
      begun += 1;
      const request = requestOf(order);
      const keepBody = order.method !== 'GET';
      const answer = await connection.send(
        order.digest === true && order.method === 'GET'
          ? { ...request, onBody: (part) => hash.update(part) }
          : { ...request, keepBody },
      );
      if (order.expectedBytes !== undefined && answer.bodyBytes !== order.expectedBytes) {
        throw new Error(`${String(answer.bodyBytes)} bytes came instead of ${String(order.expectedBytes)}.`);
      }
      bytes += order.bodyBytes ?? answer.bodyBytes;
      lastBody = answer.body;
      requests += 1;
    }
  };
  try {
    await Promise.all(connections.map(work));
    const ms = performance.now() - start;
    if (order.digest === true && order.bodyBytes !== undefined) {
      for (const part of pieces(order.bodyBytes, order.text)) hash.update(part);
    }
    return { requests, bytes, ms, lastBody, sha256: order.digest === true ? hash.digest('hex') : '' };
  } finally {
    for (const connection of connections) connection.close();
  }
}

process.on('message', (order: LoadOrder) => {
  load(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});

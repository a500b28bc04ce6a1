import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { Answer } from '../expectations/answer.ts';

export interface RawOptions {
  /** A header whose value is a list is sent once for each item of the list. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * Pieces of the body. If they have fewer bytes than the headers say, the connection stays open. The server may then
   * answer early, or wait for the rest.
   */
  readonly body?: readonly Uint8Array[];
  /** Time to wait for a complete answer. Default: 10 seconds. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends one request unchanged, even if it is malformed. Returns undefined if there is no complete answer within
 * `waitMs`, if the server closes the connection, or if `signal` aborts.
 */
export function rawCall(base: string, method: string, path: string, options: RawOptions): Promise<Answer | undefined> {
  const url = new URL(`${base}${path}`);
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const socket = open(url);
  let received = Buffer.alloc(0);
  const finish = (): void => {
    const parsed = parse(received);
    clearTimeout(timer);
    socket.destroy();
    resolve(parsed && new Answer({ request: `${method} ${path}`, url: url.href, ...parsed }));
  };
  const timer = setTimeout(finish, options.waitMs ?? 10_000);
  options.signal?.addEventListener('abort', finish, { once: true });
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (parse(received) !== undefined) finish();
  });
  socket.on('error', finish).on('end', finish).on('close', finish);
  const head = Object.entries({ Host: url.host, ...options.headers }).flatMap(([name, value]) =>
    [value].flat().map((each) => `${name}: ${each}`),
  );
  const target = `${url.pathname}${url.search}`;
  socket.write(Buffer.from([`${method} ${target} HTTP/1.1`, ...head, '', ''].join('\r\n'), 'latin1'));
  for (const piece of options.body ?? []) socket.write(piece);
  return promise;
}

/**
 * Encodes the pieces of a body for `Transfer-Encoding: chunked`, one chunk for each piece. Adds the last, empty chunk.
 */
export function chunked(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');
  return [...pieces.flatMap((piece) => [line(piece.length.toString(16)), piece, line('')]), line('0'), line('')];
}

function open(url: URL): Socket {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port === '' ? (secure ? 443 : 80) : url.port);
  return secure ? connectSecurely({ host, port, servername: host }) : connect({ host, port, allowHalfOpen: true });
}

type Parsed = Pick<Answer, 'status' | 'headers' | 'bytes'>;

/**
 * Parses the received bytes. Returns the first final (not 1xx) answer, or undefined if the answer is not yet complete.
 */
function parse(received: Buffer): Parsed | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [statusLine = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const rest = received.subarray(end + 4);
  // An interim answer (1xx), such as 100 Continue, precedes the final answer.
  if (status < 200) return parse(rest);
  const headers = new Headers();
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
  const bytes = bodyOf(headers, rest);
  return bytes === undefined ? undefined : { status, headers, bytes };
}

function bodyOf(headers: Headers, rest: Buffer): Buffer | undefined {
  if (headers.get('transfer-encoding') === 'chunked') return joined(rest);
  const length = Number(headers.get('content-length') ?? '0');
  return rest.length < length ? undefined : rest.subarray(0, length);
}

function joined(rest: Buffer): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(rest.subarray(at, lineEnd).toString('latin1'), 16);
    const next = lineEnd + 2 + size + 2;
    if (rest.length < next) return undefined;
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

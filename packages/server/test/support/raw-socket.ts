import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

/** One answer, as parsed from the bytes of a connection. */
export interface RawAnswer {
  readonly status: number;
  /** Values by the name of the header in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The JSON or problem document in the body. Undefined if the body is empty or not JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an answer's shape is what a test is about.
  readonly json: any;
}

/**
 * How the connection ended. `ended`: the server closed it in order. `reset`: it ended with an error, such as a reset.
 */
export type Ending = 'ended' | 'reset';

/** A connection on which a test controls every byte that is sent, and can read every byte that is received. */
export class RawConnection {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ending: Ending | undefined;
  #changed: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#changed();
    });
    const end = (how: Ending) => () => {
      this.#ending ??= how;
      this.#changed();
    };
    socket.on('error', end('reset')).on('end', end('ended')).on('close', end('ended'));
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  write(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Writes the bytes. Resolves when the system has accepted them, or when the connection is closed. */
  async writeAll(bytes: Buffer): Promise<void> {
    await new Promise<void>((settle) => {
      const done = (): void => {
        this.socket.removeListener('close', done);
        settle();
      };
      this.socket.once('close', done).write(bytes, done);
    });
  }

  /**
   * Returns the next answer, which may be an interim answer (1xx). Returns undefined if the connection ended before the
   * answer was complete.
   */
  async answer(options: { head?: boolean } = {}): Promise<RawAnswer | undefined> {
    for (;;) {
      const parsed = this.#parse(options.head === true);
      if (parsed !== undefined) return parsed;
      if (this.#ending !== undefined) return undefined;
      await this.#change();
    }
  }

  /** Waits until the server ends the connection. */
  async ending(): Promise<Ending> {
    while (this.#ending === undefined) await this.#change();
    return this.#ending;
  }

  /** The received bytes that belong to no answer that was already returned. */
  get rest(): string {
    return this.#received.toString('latin1');
  }

  close(): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((settle) => (this.#changed = settle));
  }

  #parse(withoutBody: boolean): RawAnswer | undefined {
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd === -1) return undefined;
    const [statusLine = '', ...lines] = this.#received.subarray(0, headEnd).toString('latin1').split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    const headers: Record<string, string> = {};
    for (const line of lines)
      headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 2);
    const rest = this.#received.subarray(headEnd + 4);
    const bodyless = withoutBody || status < 200 || status === 204 || status === 304;
    const taken = bodyless ? { body: Buffer.alloc(0), bytes: 0 } : this.#body(headers, rest);
    if (taken === undefined) return undefined;
    this.#received = this.#received.subarray(headEnd + 4 + taken.bytes);
    const body = taken.body.toString('utf8');
    const isJson = (headers['content-type'] ?? '').includes('json') && body !== '';
    return { status, headers, body, json: isJson ? JSON.parse(body) : undefined };
  }

  #body(headers: Readonly<Record<string, string>>, rest: Buffer): { body: Buffer; bytes: number } | undefined {
    if (headers['transfer-encoding'] === 'chunked') return chunked(rest);
    const length = headers['content-length'];
    if (length === undefined) return this.#ending === undefined ? undefined : { body: rest, bytes: rest.length };
    return rest.length < Number(length) ? undefined : { body: rest.subarray(0, Number(length)), bytes: Number(length) };
  }
}

function chunked(rest: Buffer): { body: Buffer; bytes: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(rest.subarray(at, lineEnd).toString('latin1'), 16);
    const next = lineEnd + 2 + size + 2;
    if (rest.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(parts), bytes: next };
    parts.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

/**
 * Sends the bytes on a new connection and returns the first final answer. `reset` is true if the connection ended
 * without a complete answer.
 */
export async function sendRaw(port: number, bytes: string | Buffer): Promise<RawAnswer & { reset: boolean }> {
  const connection = await RawConnection.open(port);
  try {
    connection.write(bytes);
    let answer = await connection.answer({
      head: Buffer.from(bytes as string)
        .subarray(0, 4)
        .equals(Buffer.from('HEAD')),
    });
    while (answer !== undefined && answer.status < 200) answer = await connection.answer();
    if (answer === undefined) return { status: 0, headers: {}, body: '', json: undefined, reset: true };
    return { ...answer, reset: false };
  } finally {
    connection.close();
  }
}

/** Returns the head of a request, with the line ends of HTTP. */
export function head(requestLine: string, headers: Readonly<Record<string, string | number | undefined>>): string {
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return [requestLine, ...lines, '', ''].join('\r\n');
}

// One keep-alive HTTP/1.1 connection. It adds as little code as possible to the socket, because the load generator must
// not limit the measured rate.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly bodyBytes: number;
  /** The body of the answer if `keepBody` was set or the status is 400 or above, else an empty text. */
  readonly body: string;
}

export interface RawRequest {
  readonly head: string;
  readonly body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly keepBody?: boolean;
  /**
   * Called with each piece of the body of the answer. The buffer is reused after the call, so the function must not
   * keep it.
   */
  readonly onBody?: (bytes: Uint8Array) => void;
}

interface Waiting {
  readonly request: RawRequest;
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class RawConnection {
  readonly #socket: Socket;
  #waiting: Waiting | undefined;
  #head: Buffer = Buffer.alloc(0);
  #status = 0;
  /** Number of bytes of the body that have not arrived yet. Undefined while the headers are read. */
  #left: number | undefined;
  #bodyBytes = 0;
  #kept: Buffer[] = [];

  private constructor(port: number) {
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(1024 * 1024),
        callback: (count, buffer) => {
          this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, count));
          return true;
        },
      },
    });
    const failed = (error: Error): void => this.#waiting?.reject(error);
    this.#socket.on('error', failed);
    this.#socket.on('close', () => failed(new Error('The server closed the connection.')));
  }

  static async open(port: number): Promise<RawConnection> {
    const connection = new RawConnection(port);
    await once(connection.#socket, 'connect');
    return connection;
  }

  /**
   * Sends a request and returns its answer. The next call must wait for the answer. Rejects if the status is not 2xx.
   */
  send(request: RawRequest): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { request, resolve, reject };
      void this.#write(request).catch(reject);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  async #write({ head, body }: RawRequest): Promise<void> {
    if (body === undefined) {
      this.#socket.write(head, 'latin1');
      return;
    }
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    let corked = true;
    for await (const chunk of body) {
      const goOn = this.#socket.write(chunk);
      if (corked) this.#socket.uncork();
      corked = false;
      if (!goOn) await once(this.#socket, 'drain');
    }
    if (corked) this.#socket.uncork();
  }

  #take(bytes: Buffer): void {
    if (this.#left === undefined) {
      this.#head = this.#head.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#head, bytes]);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = this.#head.toString('latin1', 0, end);
      const rest = this.#head.subarray(end + 4);
      this.#head = Buffer.alloc(0);
      this.#status = Number(head.slice(9, 12));
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      this.#left = length === undefined ? 0 : Number(length);
      // If the answer has no content length, its body is ignored, because no measurement needs it.
      this.#body(length === undefined ? rest.subarray(0, 0) : rest);
      return;
    }
    this.#body(bytes);
  }

  #body(bytes: Buffer): void {
    this.#left = (this.#left ?? 0) - bytes.length;
    this.#bodyBytes += bytes.length;
    const request = this.#waiting?.request;
    if (request?.keepBody === true || this.#status >= 400) this.#kept.push(Buffer.from(bytes));
    request?.onBody?.(bytes);
    if (this.#left > 0) return;
    const answer = {
      status: this.#status,
      bodyBytes: this.#bodyBytes,
      body: Buffer.concat(this.#kept).toString('utf8'),
    };
    this.#left = undefined;
    this.#bodyBytes = 0;
    this.#kept = [];
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (answer.status >= 200 && answer.status < 300) waiting?.resolve(answer);
    else waiting?.reject(new Error(`HTTP ${String(answer.status)}: ${answer.body.slice(0, 300)}`));
  }
}

import { Socket } from 'node:net';
import process from 'node:process';

/**
 * A socket that sends all that is written in one turn of the event loop by one system call: a verb's `begin` with its first
 * step, its last steps with `commit`. A call for each statement took a fifth of a busy server's time. (Behind TLS the
 * stream on top writes past it, as without.)
 */
export class OneWriteATurn extends Socket {
  #gathering = false;

  override write(chunk: string | Uint8Array, done?: (error?: Error | null) => void): boolean;
  override write(chunk: string | Uint8Array, encoding?: BufferEncoding, done?: (error?: Error | null) => void): boolean;
  override write(chunk: string | Uint8Array, ...rest: [never?, never?]): boolean {
    if (!this.#gathering) {
      this.#gathering = true;
      this.cork();
      process.nextTick(() => {
        this.#gathering = false;
        this.uncork();
      });
    }
    return super.write(chunk, ...rest);
  }
}

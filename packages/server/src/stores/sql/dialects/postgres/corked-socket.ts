import { Socket } from 'node:net';
import process from 'node:process';

/**
 * A socket that sends all writes of one turn of the event loop by one system call: the `begin` of a transaction together
 * with its first statement, its last writes together with `commit`. One call a statement took a fifth of the CPU time of a
 * busy server. With TLS, the stream on top bypasses this, and each statement is one call.
 */
export class CorkedSocket extends Socket {
  #corked = false;

  override write(chunk: string | Uint8Array, done?: (error?: Error | null) => void): boolean;
  override write(chunk: string | Uint8Array, encoding?: BufferEncoding, done?: (error?: Error | null) => void): boolean;
  override write(chunk: string | Uint8Array, ...rest: [never?, never?]): boolean {
    if (!this.#corked) {
      this.#corked = true;
      this.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.uncork();
      });
    }
    return super.write(chunk, ...rest);
  }
}

import { Socket } from 'node:net';
import process from 'node:process';

/**
 * A socket that sends all writes of one tick of the event loop in one system call. The first statement of a transaction
 * is thus sent together with `begin`, and the last one together with `commit`. With one system call for each statement,
 * these calls used a fifth of the CPU time of a busy server. With TLS, the TLS stream bypasses this class, and each
 * statement is one system call.
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

/** Larger ones leave the processor's cache between the read and the write; smaller ones cost more calls. */
const bufferBytes = 512 * 1024;

/** Held back for the next to come; more than these are left to the garbage collector. */
const mostIdle = 8;

/**
 * Buffers for reading that are used again. A fresh one for every piece of a large download kept the garbage collector
 * busy for two fifths of the time. Whoever gives one back promises that nobody reads it any more; one that is never
 * given back is simply lost to the pool.
 */
export class BufferPool {
  readonly #idle: Buffer[] = [];

  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  }

  give(buffer: Buffer): void {
    if (this.#idle.length < mostIdle) this.#idle.push(buffer);
  }
}

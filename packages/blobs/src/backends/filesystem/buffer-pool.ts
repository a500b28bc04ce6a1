/**
 * Size of each buffer. With larger buffers, the bytes leave the processor's cache between the read and the write. Smaller
 * buffers need more calls.
 */
const bufferBytes = 512 * 1024;

/** Largest number of unused buffers in the pool. Further returned buffers are left to the garbage collector. */
const mostIdle = 8;

/**
 * A pool of read buffers. It exists because, with a new buffer for every piece, garbage collection took two fifths of the
 * time of a large download. A caller must return a buffer only when nothing uses it any more. A buffer that is never
 * returned is garbage collected.
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

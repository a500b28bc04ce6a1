/**
 * Size of each buffer. If buffers are larger, the bytes leave the processor's cache between the read and the write. If
 * they are smaller, more calls are needed.
 */
const bufferBytes = 512 * 1024;

/**
 * Largest number of unused buffers in the pool. Further buffers that are returned are left to the garbage collector.
 */
const mostIdle = 8;

/**
 * A pool of read buffers. Without it, garbage collection took two fifths of the time of a large download, because each
 * piece needed a new buffer. A caller must return a buffer only when nothing uses it any more. A buffer that is never
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

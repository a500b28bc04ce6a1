const smallestCapacity = 1024;

/**
 * The bytes of a stream between the positions `base` and `end`. Positions are counted from the beginning of the stream.
 */
export class ByteWindow {
  bytes = new Uint8Array(0);
  /** A view of the memory of `bytes`. */
  view = new DataView(this.bytes.buffer);
  base = 0;
  end = 0;

  /**
   * Appends a chunk. Discards bytes before the position `keepFrom` if it needs the memory. Each byte is copied only a
   * bounded number of times.
   */
  append(chunk: Uint8Array, keepFrom: number): void {
    const used = this.end - this.base;
    if (used + chunk.length > this.bytes.length) this.#makeRoom(chunk.length, keepFrom);
    this.bytes.set(chunk, this.end - this.base);
    this.end += chunk.length;
  }

  #makeRoom(wanted: number, keepFrom: number): void {
    const from = keepFrom - this.base;
    const kept = this.end - keepFrom;
    if ((kept + wanted) * 2 <= this.bytes.length) this.bytes.copyWithin(0, from, from + kept);
    else {
      const grown = new Uint8Array(Math.max(smallestCapacity, (kept + wanted) * 2));
      grown.set(this.bytes.subarray(from, from + kept));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.base = keepFrom;
  }
}

/**
 * Reads a sequence of pieces (byte arrays) in parts. A loop over a part may end early. The next loop then continues
 * where it ended. Each piece is passed to `seen` once, when it is read from the source.
 */
export class PieceReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #seen: (piece: Uint8Array) => void;
  #rest: Uint8Array = new Uint8Array();
  #hasEnded = false;

  constructor(source: AsyncIterable<Uint8Array>, seen: (piece: Uint8Array) => void = () => undefined) {
    this.#source = source[Symbol.asyncIterator]();
    this.#seen = seen;
  }

  /** Returns the next `count` bytes without consuming them. Returns fewer bytes at the end of the source. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) {
      const piece = await this.#read();
      if (piece === undefined) break;
      this.#rest = Buffer.concat([this.#rest, piece]);
    }
    return this.#rest.subarray(0, count);
  }

  /**
   * Returns the next `count` bytes. Returns undefined at the end of the source. Throws if some bytes are left, but
   * fewer than `count`.
   */
  async take(count: number): Promise<Buffer | undefined> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.pieces(count)) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    if (bytes.length < count && bytes.length > 0) throw new Error('it ends in the middle of a member');
    return bytes.length === count ? bytes : undefined;
  }

  /** Yields the next `count` bytes, by default all remaining bytes. Yields fewer bytes at the end of the source. */
  async *pieces(count = Infinity): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = count; left > 0;) {
      const piece = this.#rest.length > 0 ? this.#rest : await this.#read();
      if (piece === undefined) return;
      const part = piece.length > left ? piece.subarray(0, left) : piece;
      this.#rest = piece.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Reads all remaining pieces, so that `seen` receives every piece. */
  async drain(): Promise<void> {
    for await (const _piece of this.pieces());
  }

  async close(): Promise<void> {
    this.#hasEnded = true;
    await this.#source.return?.();
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#hasEnded) return undefined;
    const next = await this.#source.next();
    if (next.done === true) {
      this.#hasEnded = true;
      return undefined;
    }
    this.#seen(next.value);
    return next.value;
  }
}

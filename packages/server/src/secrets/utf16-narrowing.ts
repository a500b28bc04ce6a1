/**
 * The byte that replaces each code unit that is not ASCII. It is not an ASCII character itself, so no rule for a secret
 * matches it.
 */
const otherUnit = 0xff;

/**
 * Converts UTF-16 to one byte for each code unit, so that it can be scanned like ASCII. A byte at position `n` of the
 * result is the code unit at byte `2 * n` of the content. The end of a chunk may cut a code unit.
 */
export class Utf16Narrowing {
  readonly #lowByte: 0 | 1;
  /** The first byte of a code unit whose second byte is in the next chunk. */
  #cut: number | undefined;
  #afterHighSurrogate = false;

  constructor(encoding: 'utf-16le' | 'utf-16be') {
    this.#lowByte = encoding === 'utf-16le' ? 0 : 1;
  }

  /**
   * Returns the converted chunk. Returns undefined if a half of a surrogate pair has no other half; no chunk may follow
   * then.
   */
  write(chunk: Uint8Array): Uint8Array | undefined {
    const isCut = this.#cut !== undefined;
    const narrowed = new Uint8Array((chunk.length + (isCut ? 1 : 0)) >> 1);
    let length = 0;
    for (let at = isCut ? -1 : 0; at + 1 < chunk.length; at += 2) {
      const first = at < 0 ? (this.#cut ?? 0) : (chunk[at] ?? 0);
      const second = chunk[at + 1] ?? 0;
      const unit = this.#lowByte === 0 ? (second << 8) | first : (first << 8) | second;
      if (!this.#pairs(unit)) return undefined;
      narrowed[length] = unit < 0x80 ? unit : otherUnit;
      length += 1;
    }
    this.#cut = (chunk.length + (isCut ? 1 : 0)) % 2 === 0 ? undefined : (chunk.at(-1) ?? this.#cut);
    return narrowed;
  }

  /** True if the last chunk did not end inside a character. */
  get isComplete(): boolean {
    return this.#cut === undefined && !this.#afterHighSurrogate;
  }

  /** Returns false if `unit` is half of a surrogate pair without the other half. */
  #pairs(unit: number): boolean {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow !== this.#afterHighSurrogate) return false;
    this.#afterHighSurrogate = unit >= 0xd800 && unit <= 0xdbff;
    return true;
  }
}

import { headBytes } from '@proofhouse/core';

/**
 * The byte that replaces each code unit that is not ASCII. It is no ASCII character itself, so no masking rule matches
 * it.
 */
const otherUnit = 0xff;

/**
 * Converts UTF-16 to one byte for each code unit, so that it can be scanned like ASCII. The byte at position `n` of the
 * result is the code unit at position `2 * n` of the content. A chunk may end inside a code unit.
 */
export class Utf16Narrowing {
  readonly #lowByte: 0 | 1;
  /** The first byte of a code unit whose second byte is in the next chunk. */
  #cut: number | undefined;
  #afterHighSurrogate = false;
  #isValid = true;
  #units = 0;

  constructor(encoding: 'utf-16le' | 'utf-16be') {
    this.#lowByte = encoding === 'utf-16le' ? 0 : 1;
  }

  /** Returns the converted chunk, even if the content is not valid UTF-16. */
  write(chunk: Uint8Array): Uint8Array {
    const isCut = this.#cut !== undefined;
    const narrowed = new Uint8Array((chunk.length + (isCut ? 1 : 0)) >> 1);
    let length = 0;
    for (let at = isCut ? -1 : 0; at + 1 < chunk.length; at += 2) {
      const first = at < 0 ? (this.#cut ?? 0) : (chunk[at] ?? 0);
      const second = chunk[at + 1] ?? 0;
      const unit = this.#lowByte === 0 ? (second << 8) | first : (first << 8) | second;
      this.#check(unit);
      narrowed[length] = unit < 0x80 ? unit : otherUnit;
      length += 1;
    }
    this.#cut = (chunk.length + (isCut ? 1 : 0)) % 2 === 0 ? undefined : (chunk.at(-1) ?? this.#cut);
    return narrowed;
  }

  /**
   * False if a surrogate is alone, or if the first `headBytes` bytes contain the character NUL, as UTF-32 with a byte
   * order mark does.
   */
  get isValid(): boolean {
    return this.#isValid;
  }

  /** True if the last chunk did not end inside a character. */
  get isComplete(): boolean {
    return this.#cut === undefined && !this.#afterHighSurrogate;
  }

  #check(unit: number): void {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow !== this.#afterHighSurrogate) this.#isValid = false;
    this.#afterHighSurrogate = unit >= 0xd800 && unit <= 0xdbff;
    if (unit === 0 && this.#units < headBytes / 2) this.#isValid = false;
    this.#units += 1;
  }
}

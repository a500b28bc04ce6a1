import type { ByteWindow } from './byte-window.ts';

/** 1 for each byte that ends a word in most notations: white space, quotes, brackets and the signs between fields. */
const endsWord = new Uint8Array(256);
for (let byte = 0; byte <= 0x20; byte += 1) endsWord[byte] = 1;
for (const sign of '"\'`&;,<>|(){}[]\\') endsWord[sign.charCodeAt(0)] = 1;

/** Finds the ends of words in a window. Each byte is read only once if the positions of the calls ascend. */
export class WordEnds {
  /** Number of bytes that were read. */
  steps = 0;
  readonly #window: ByteWindow;
  /** Between the positions `#from` and `#to`, no word ends. */
  #from = 0;
  #to = 0;

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /**
   * Returns the first position, from `position` on, at which a word ends. Returns `limit` if there is none before it.
   * `limit` must be inside the window.
   */
  endAfter(position: number, limit: number): number {
    if (position < this.#from || position > this.#to) {
      this.#from = position;
      this.#to = position;
    }
    const { bytes, base } = this.#window;
    let at = this.#to - base;
    const first = at;
    while (at < limit - base && endsWord[bytes[at] ?? 0] === 0) at += 1;
    this.steps += at - first;
    this.#to = at + base;
    return Math.min(this.#to, limit);
  }
}

import type { ByteWindow } from './byte-window.ts';

/**
 * Hits are sorted by the ends of their keywords, so a hit may begin before the previous one. Decoding begins this
 * number of bytes earlier, so that such a hit needs no second decoding.
 */
const margin = 64;
const decoder = new TextDecoder('latin1');

/**
 * The bytes of a window as a text with one character for each byte. If several patterns read the same bytes, these are
 * decoded once.
 */
export class WindowText {
  /** Number of bytes that were decoded. */
  steps = 0;
  readonly #window: ByteWindow;
  #text = '';
  #from = 0;

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /** Returns the text between two positions in the stream. Both must be inside the window. */
  slice(from: number, to: number): string {
    if (from < this.#from || to > this.#from + this.#text.length) this.#decode(from);
    return this.#text.slice(from - this.#from, to - this.#from);
  }

  #decode(needed: number): void {
    const { bytes, base, end } = this.#window;
    const from = Math.max(base, needed - margin);
    this.#text = decoder.decode(bytes.subarray(from - base, end - base));
    this.#from = from;
    this.steps += end - from;
  }
}

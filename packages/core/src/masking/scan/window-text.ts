import type { ByteWindow } from './byte-window.ts';

/** Hits come in the order of their keywords' ends, so a later one may begin somewhat before an earlier one. */
const margin = 64;
const decoder = new TextDecoder('latin1');

/** The bytes of a window as text of one character a byte. Bytes that several patterns read are decoded once. */
export class WindowText {
  /** Number of bytes decoded. */
  steps = 0;
  readonly #window: ByteWindow;
  #text = '';
  #from = 0;

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /** Both positions must be inside the window. */
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

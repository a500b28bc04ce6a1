import { maskPlaceholder } from '../mask-placeholder.ts';

const placeholderBytes = new TextEncoder().encode(maskPlaceholder);
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const plus = 0x2b;
const dash = 0x2d;
const space = 0x20;

/**
 * Builds masked output. Masked bytes that touch become one placeholder on each line. Line ends inside of them are kept, and
 * so are, on each line after the first, the indentation and, in a unified diff, the sign of the line.
 */
export class PlaceholderWriter {
  #output: Uint8Array;
  #length = 0;
  /** Whether the last byte that was taken is part of a placeholder. */
  #isOpen = false;
  /** Where the next byte is on a masked line after the first one. */
  #place: 'start' | 'indent' | 'text' = 'text';
  /** A run of one sign at the start of a masked line. The first sign may belong to a diff. */
  #sign = 0;
  #signCount = 0;
  /**
   * First byte of the last line that began in clear text, 0 if that byte is masked, undefined if no byte of the line was
   * taken. It decides whether a match of several lines stands in a diff: base64 may begin a line with a plus too.
   */
  #lineStart: number | undefined;

  /** More output than `capacity` bytes takes more memory. */
  constructor(capacity = 0) {
    this.#output = new Uint8Array(capacity);
  }

  /** Number of bytes written since the output was taken. */
  get length(): number {
    return this.#length;
  }

  clear(bytes: Uint8Array, from: number, to: number): void {
    this.#endSigns();
    const part = bytes.subarray(from, to);
    const lineEnd = part.lastIndexOf(lineFeed);
    if (lineEnd !== -1) this.#lineStart = part[lineEnd + 1];
    else if (this.#lineStart === undefined || this.#place === 'start') this.#lineStart = part[0];
    this.#isOpen = false;
    this.#place = 'text';
    this.#write(part);
  }

  masked(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at += 1) this.#mask(bytes[at] ?? 0);
  }

  /** Returns the output since the last call. At the end of the stream the last signs are part of it. */
  take(ended: boolean): Uint8Array {
    if (ended) this.#endSigns();
    const taken = this.#output.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #mask(byte: number): void {
    this.#lineStart ??= 0;
    const isLineEnd = byte === lineFeed || byte === carriageReturn;
    if (this.#isOpen && !isLineEnd) return;
    if (this.#place === 'start' && this.#takeSign(byte)) return;
    this.#endSigns();
    if (isLineEnd) {
      this.#writeByte(byte);
      this.#isOpen = false;
      this.#place = 'start';
    } else if (this.#place !== 'text' && (byte === space || byte === 0x09)) {
      this.#writeByte(byte);
      this.#place = 'indent';
    } else this.#writePlaceholder();
  }

  #takeSign(byte: number): boolean {
    const isDiff = this.#lineStart === plus || this.#lineStart === dash || this.#lineStart === space;
    if (!isDiff) return false;
    if (this.#signCount === 0 ? byte !== plus && byte !== dash : byte !== this.#sign) return false;
    this.#sign = byte;
    this.#signCount += 1;
    return true;
  }

  /** Five dashes are the boundary of a PEM file. Any other run begins with the sign of a diff, and the rest of it is text. */
  #endSigns(): void {
    if (this.#signCount === 0) return;
    const isBoundary = this.#sign === dash && this.#signCount === 5;
    if (!isBoundary) this.#writeByte(this.#sign);
    this.#place = 'indent';
    if (this.#signCount > 1) this.#writePlaceholder();
    this.#signCount = 0;
  }

  #writePlaceholder(): void {
    if (!this.#isOpen) this.#write(placeholderBytes);
    this.#isOpen = true;
    this.#place = 'text';
  }

  #writeByte(byte: number): void {
    this.#reserve(1);
    this.#output[this.#length] = byte;
    this.#length += 1;
  }

  #write(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#output.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#output.length) return;
    const grown = new Uint8Array((this.#length + count) * 2);
    grown.set(this.#output.subarray(0, this.#length));
    this.#output = grown;
  }
}

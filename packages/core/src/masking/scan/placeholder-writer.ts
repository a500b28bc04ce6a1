import { maskPlaceholder } from '../mask-placeholder.ts';

export const placeholderBytes = new TextEncoder().encode(maskPlaceholder);
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const plus = 0x2b;
const dash = 0x2d;
const space = 0x20;

/**
 * Writes masked output. Adjacent masked bytes become one placeholder on each line. Line ends between them are kept. On
 * each line after the first, the indentation is kept too, and in a unified diff the sign of the line.
 */
export class PlaceholderWriter {
  #output: Uint8Array;
  #length = 0;
  /** True if the last byte was masked, so its placeholder was already written. */
  #isOpen = false;
  /** On a masked line after the first, the part of the line to which the next byte belongs. */
  #place: 'start' | 'indent' | 'text' = 'text';
  /**
   * The sign (`+` or `-`) at the beginning of a masked line. It may occur several times there. The first one may be the
   * sign of a diff.
   */
  #sign = 0;
  #signCount = 0;
  /**
   * First byte of the current line. While a secret of several lines is masked, it is the first byte of the line on
   * which the secret begins. 0 if this byte is masked. Undefined if it was not read yet. It shows whether the secret is
   * in a diff. The signs of the other lines do not show this, because a line of base64 may begin with a plus.
   */
  #lineStart: number | undefined;

  /** `capacity` is the number of output bytes for which memory is allocated at first. More is allocated if needed. */
  constructor(capacity = 0) {
    this.#output = new Uint8Array(capacity);
  }

  /** Number of output bytes since the last call of `take`. */
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

  /** Returns the output since the last call. If `ended` is true, it includes the signs at the end of the stream. */
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

  /**
   * Decides about the signs at the beginning of a masked line. Five dashes begin the boundary of a PEM file, so they
   * are masked as text. In any other sequence, the first sign is that of a diff, and the rest is text.
   */
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

/**
 * Whether the closing boundary of a multipart body (RFC 2046 section 5.1.1) came at all. The parser takes `--boundary-`
 * for the end when that comes in one piece; this looks for the whole of it, however the body is cut.
 */
export class ClosingBoundary {
  readonly #delimiter: Buffer;
  #tail = Buffer.alloc(0);
  #cameWhole = false;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`--${boundary}--`);
  }

  get cameWhole(): boolean {
    return this.#cameWhole;
  }

  /** Takes the next piece of the body. */
  see(piece: Buffer): void {
    if (this.#cameWhole) return;
    const most = this.#delimiter.length - 1;
    const seam = Buffer.concat([this.#tail, piece.subarray(0, most)]);
    this.#cameWhole = seam.includes(this.#delimiter) || piece.includes(this.#delimiter);
    this.#tail = piece.length < most ? seam.subarray(-most) : Buffer.from(piece.subarray(-most));
  }
}

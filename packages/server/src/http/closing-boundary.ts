const dash = 0x2d;

/**
 * Watches for the closing boundary of a multipart body (RFC 2046 section 5.1.1). The parser takes lines that begin with
 * `--boundary-` for the end when they come in one piece; this wants both dashes, however the body is cut.
 */
export class ClosingBoundary {
  readonly #lineStart: Buffer;
  // The first line, too, is one that begins.
  #tail = Buffer.from('\r\n');
  #state: 'awaited' | 'closed' | 'broken' = 'awaited';

  constructor(boundary: string) {
    this.#lineStart = Buffer.from(`\r\n--${boundary}-`);
  }

  /** `broken`: a line began with the boundary and one dash, which no part may hold. What follows either end does not matter. */
  get state(): 'awaited' | 'closed' | 'broken' {
    return this.#state;
  }

  /** Takes the next piece of the body. */
  see(piece: Buffer): void {
    const most = this.#lineStart.length;
    const seam = Buffer.concat([this.#tail, piece.subarray(0, most)]);
    this.#look(seam);
    this.#look(piece);
    this.#tail = piece.length < most ? seam.subarray(-most) : Buffer.from(piece.subarray(-most));
  }

  #look(bytes: Buffer): void {
    if (this.#state !== 'awaited') return;
    const at = bytes.indexOf(this.#lineStart);
    const next = at === -1 ? undefined : bytes[at + this.#lineStart.length];
    // What is not here yet comes with the next piece, behind the tail.
    if (next !== undefined) this.#state = next === dash ? 'closed' : 'broken';
  }
}

import { ownOverlaps } from '../values/own-overlaps.ts';

/**
 * The comparisons of one long form with a text in which the form, or a long prefix of it, occurs at overlapping
 * positions. Bytes that an earlier comparison has read are not read again. So all comparisons together take linear
 * time.
 */
export class LongForm {
  readonly #overlaps: Uint32Array;
  #at = 0;
  #matched = 0;
  /** Positions at which a comparison must wait for the end of the open comparison. */
  #waiting: number[] = [];
  #head = 0;
  #isOpen = false;

  constructor(bytes: string) {
    this.#overlaps = ownOverlaps(bytes);
  }

  /** True if the last comparison needs more bytes of the text. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Records a comparison. The form and the text at `at` are equal in the first `matched` bytes, and in no further bytes
   * that were read.
   */
  compared(at: number, matched: number, isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen && at + matched < this.#at + this.#matched) return;
    this.#at = at;
    this.#matched = matched;
  }

  /**
   * Returns the number of bytes at `at` that are known to be equal to the beginning of the form. Returns -1 if the form
   * is known not to occur at `at`.
   */
  knownAt(at: number): number {
    const known = this.#matched - (at - this.#at);
    if (known <= 0) return 0;
    return (this.#overlaps[at - this.#at] ?? 0) < known ? -1 : known;
  }

  wait(at: number): void {
    this.#waiting.push(at);
  }

  /**
   * Removes and returns the first waiting position. Returns undefined while a comparison is open, and if no position
   * waits.
   */
  next(): number | undefined {
    if (this.#isOpen) return undefined;
    const at = this.#waiting[this.#head];
    this.#head += 1;
    if (at === undefined || this.#head >= 1024) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return at;
  }
}

import { ownOverlaps } from '../values/own-overlaps.ts';

/**
 * The comparisons of one long form with a text. The form, or a long prefix of it, may occur at overlapping positions of
 * the text. Bytes that an earlier comparison has read are not read again, so all comparisons together take linear time.
 */
export class LongForm {
  readonly #overlaps: Uint32Array;
  #at = 0;
  #matched = 0;
  /** Positions whose comparison must wait for the end of the current one. */
  #waiting: number[] = [];
  #head = 0;
  #isOpen = false;

  constructor(bytes: string) {
    this.#overlaps = ownOverlaps(bytes);
  }

  /** True if the current comparison needs further bytes of the text. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Records a comparison. The form and the text at `at` are equal in the first `matched` bytes. The next byte differs
   * or was not read.
   */
  compared(at: number, matched: number, isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen && at + matched < this.#at + this.#matched) return;
    this.#at = at;
    this.#matched = matched;
  }

  /**
   * Returns how many bytes at `at` are known to equal the beginning of the form. Returns -1 if the form is known not to
   * be there.
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
   * Removes and returns the first waiting position. Returns undefined if no position waits, or if the current
   * comparison needs further bytes.
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

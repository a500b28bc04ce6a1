import { ownOverlaps } from '../values/own-overlaps.ts';

/**
 * The comparisons of one long form with a text in which the form, or a long prefix of it, occurs at overlapping positions.
 * What an earlier comparison has read is not read again, so the comparisons take linear time together.
 */
export class LongForm {
  readonly #overlaps: Uint32Array;
  #at = 0;
  #matched = 0;
  /** Positions whose comparison waits for the end of the open one. */
  #waiting: number[] = [];
  #head = 0;
  #isOpen = false;

  constructor(bytes: string) {
    this.#overlaps = ownOverlaps(bytes);
  }

  /** Whether the last comparison needs more bytes. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The form agrees with the text at `at` in `matched` bytes, and not in more of those that are there. */
  compared(at: number, matched: number, isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen && at + matched < this.#at + this.#matched) return;
    this.#at = at;
    this.#matched = matched;
  }

  /** Number of bytes at `at` that are known to agree with the form, or -1 if the form is known not to occur there. */
  knownAt(at: number): number {
    const known = this.#matched - (at - this.#at);
    if (known <= 0) return 0;
    return (this.#overlaps[at - this.#at] ?? 0) < known ? -1 : known;
  }

  wait(at: number): void {
    this.#waiting.push(at);
  }

  /** Removes and returns the first position that waits, unless a comparison is open. */
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

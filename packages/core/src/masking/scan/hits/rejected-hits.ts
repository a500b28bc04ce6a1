import type { ByteWindow } from '../byte-window.ts';

/** A hit at which a rule found nothing. All numbers are positions in the stream. */
export interface RejectedHit {
  readonly start: number;
  /** The pattern ran over the text from `from` to `limit`. */
  readonly from: number;
  readonly limit: number;
  /** End of the bytes that the pattern may have read. */
  readonly readTo: number;
}

/** Number of hits that are remembered for each rule. Repeated text often has several keywords of a rule. */
const remembered = 4;

/**
 * The last hits at which rules found nothing. A rule finds nothing in an equal text either, so its pattern need not run
 * again. If text repeats at a fixed distance, each byte is compared only once for all rules together.
 */
export class RejectedHits {
  /** Number of bytes that were compared. */
  steps = 0;
  readonly #window: ByteWindow;
  /** For each rule, its last hits. */
  readonly #hits: (RejectedHit[] | undefined)[] = [];
  /** For each rule, the index of the hit that was added first. */
  readonly #oldest: number[] = [];
  /** The bytes from `#from` to `#to` equal the bytes that are `#distance` before them. */
  #distance = 0;
  #from = 0;
  #to = 0;

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  add(rule: number, hit: RejectedHit): void {
    const hits = (this.#hits[rule] ??= []);
    const oldest = this.#oldest[rule] ?? 0;
    hits[oldest] = hit;
    this.#oldest[rule] = (oldest + 1) % remembered;
  }

  /**
   * Returns the end of the bytes that the pattern may read, if the rule has found nothing in an equal text before.
   * Otherwise returns 0.
   */
  find(rule: number, start: number, from: number, limit: number): number {
    const hits = this.#hits[rule];
    if (hits === undefined) return 0;
    for (let index = 0; index < hits.length; index += 1) {
      const hit = hits[index];
      const distance = start - (hit?.start ?? 0);
      if (hit?.from !== from - distance || hit.limit !== limit - distance) continue;
      if (!this.#isRepeated(from, limit, distance)) continue;
      const readTo = hit.readTo + distance;
      hits[index] = { start, from, limit, readTo };
      return readTo;
    }
    return 0;
  }

  /** Returns true if the bytes from `from` to `to` equal the bytes that are `distance` before them. */
  #isRepeated(from: number, to: number, distance: number): boolean {
    const { bytes, base } = this.#window;
    const isKnown = distance === this.#distance && this.#from <= from && from <= this.#to;
    const first = isKnown ? this.#to : from;
    if (first >= to) return true;
    if (distance <= 0 || first - distance < base) return false;
    let at = first;
    while (at < to && bytes[at - base] === bytes[at - distance - base]) at += 1;
    this.steps += at - first + 1;
    if (isKnown) this.#to = at;
    else if (at === to) [this.#distance, this.#from, this.#to] = [distance, from, to];
    return at === to;
  }
}

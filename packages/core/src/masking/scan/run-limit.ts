/** In each examined part, patterns may read this many bytes beside twice the length of the part. */
const slack = 512;

/**
 * Limits how often the pattern of a rule reads the same bytes. The first run that finds nothing opens an examined part of
 * the stream. When the runs that begin inside of that part have read more than twice its length, the rule skips the other
 * keywords in it. So text that is full of keywords takes linear time, whatever the patterns are.
 */
export class RunLimit {
  /** For each rule, the end of the part that was opened last. */
  readonly #ends: Float64Array;
  /** For each rule, the number of bytes that runs may still read in that part. */
  readonly #rest: Float64Array;

  constructor(rules: number) {
    this.#ends = new Float64Array(rules);
    this.#rest = new Float64Array(rules);
  }

  allows(rule: number, start: number): boolean {
    return (this.#rest[rule] ?? 0) > 0 || start >= (this.#ends[rule] ?? 0);
  }

  /** Must be called after each run that found nothing, with the bytes that it may have read. */
  spend(rule: number, start: number, end: number): void {
    const length = end - start;
    if (start >= (this.#ends[rule] ?? 0)) {
      this.#ends[rule] = end;
      this.#rest[rule] = slack + 2 * length;
    }
    this.#rest[rule] = (this.#rest[rule] ?? 0) - length;
  }
}

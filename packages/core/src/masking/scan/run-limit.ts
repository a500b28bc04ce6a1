/** Number of bytes that patterns may read in each examined part of the stream, in addition to the length of the part. */
const slack = 256;

/**
 * Limits how often the pattern of a rule reads the same bytes. A run of the pattern that finds nothing opens an
 * examined part of the stream, unless such a part is open. When the runs that begin in this part have read more than
 * about its length, the rule skips the other keywords of the part. So text that is full of keywords takes linear
 * time, whatever the patterns are.
 */
export class RunLimit {
  /** For each rule, the end of its last examined part. */
  readonly #ends: Float64Array;
  /** For each rule, the number of bytes that its pattern may still read in its last examined part. */
  readonly #rest: Float64Array;

  constructor(rules: number) {
    this.#ends = new Float64Array(rules);
    this.#rest = new Float64Array(rules);
  }

  allows(rule: number, start: number): boolean {
    return (this.#rest[rule] ?? 0) > 0 || start >= (this.#ends[rule] ?? 0);
  }

  /** Must be called after each run that found nothing. `start` and `end` limit the bytes that the run may have read. */
  spend(rule: number, start: number, end: number): void {
    const length = end - start;
    if (start >= (this.#ends[rule] ?? 0)) {
      this.#ends[rule] = end;
      this.#rest[rule] = slack + length;
    }
    this.#rest[rule] = (this.#rest[rule] ?? 0) - length;
  }
}

/**
 * In each examined part of the stream, patterns may read the length of the part and this number of additional bytes.
 */
const slack = 256;

/**
 * Limits how often the pattern of a rule reads the same bytes. A run of the pattern that finds nothing begins an
 * examined part of the stream, unless there is one already. The runs in this part may together read about as many bytes
 * as the part has. After that, the rule skips the other keywords of the part. So text that is full of keywords takes
 * linear time, whatever the patterns are.
 */
export class RunLimit {
  /** For each rule, the end of its last examined part. */
  readonly #ends: Float64Array;
  /** For each rule, the number of bytes that its pattern may still read in the last examined part. */
  readonly #rest: Float64Array;

  constructor(rules: number) {
    this.#ends = new Float64Array(rules);
    this.#rest = new Float64Array(rules);
  }

  allows(rule: number, start: number): boolean {
    return (this.#rest[rule] ?? 0) > 0 || start >= (this.#ends[rule] ?? 0);
  }

  /** Must be called after each run that found nothing. The run may have read the bytes between `start` and `end`. */
  spend(rule: number, start: number, end: number): void {
    const length = end - start;
    if (start >= (this.#ends[rule] ?? 0)) {
      this.#ends[rule] = end;
      this.#rest[rule] = slack + length;
    }
    this.#rest[rule] = (this.#rest[rule] ?? 0) - length;
  }
}

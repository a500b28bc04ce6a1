/** A range of bytes to mask, as positions in the stream. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /**
   * The rule that found the secret. Undefined for a range that does not count as a secret: a placeholder in the input,
   * or a later piece of a block.
   */
  readonly rule: string | undefined;
  /** True if the text of the range is one placeholder, so that masking does not change it. */
  readonly isLiteral?: boolean;
  /** Rank of the rule. If two spans have the same range, the one with the smaller rank counts. */
  readonly rank: number;
}

/** A range of bytes that is masked by one or more overlapping or adjacent spans. */
export interface MaskedRange {
  readonly start: number;
  readonly end: number;
  /** True if masking does not change the text, because the text is one placeholder. */
  readonly isLiteral: boolean;
}

/**
 * Spans (ranges to mask) in the order of their starts. A span inside another one is omitted, because it masks nothing
 * more and does not count. So the ends of the spans are in order too. The result does not depend on the order of the
 * calls of `add`.
 */
export class SpanQueue {
  /** Number of calls of `add` with a span that changes the text. */
  changes = 0;
  #spans: Span[] = [];
  #head = 0;

  add(span: Span): void {
    const spans = this.#spans;
    if (span.isLiteral !== true) this.changes += 1;
    const at = this.#firstAfter(span.start, startOf);
    // The spans before the index `at` start at or before the new span. The last of them has the largest end.
    const before = at > this.#head ? spans[at - 1] : undefined;
    if (before !== undefined && before.end >= span.end && compareSpans(before, span) <= 0) return;
    const first = before?.start === span.start ? at - 1 : at;
    let next = at;
    while ((spans[next]?.end ?? Infinity) <= span.end) next += 1;
    if (first === spans.length) spans.push(span);
    else spans.splice(first, next - first, span);
  }

  /** Start of the first span. Infinity if there is no span. */
  get firstStart(): number {
    return this.#spans[this.#head]?.start ?? Infinity;
  }

  /**
   * Returns the first masked range that ends after `position`. It does not begin before `position`. Returns undefined if
   * there is none. `taken` is the masked range of the spans that were already taken from the queue.
   */
  rangeAfter(taken: MaskedRange, position: number): MaskedRange | undefined {
    let at = this.#firstAfter(position, endOf);
    const isTaken = taken.end > position;
    const first = isTaken ? taken : this.#spans[at];
    if (first === undefined) return undefined;
    if (!isTaken) at += 1;
    let { end } = first;
    let isLiteral = first.isLiteral === true;
    for (let span = this.#spans[at]; span !== undefined && span.start <= end; span = this.#spans[at]) {
      if (span.end > end || span.start === end) isLiteral = false;
      end = Math.max(end, span.end);
      at += 1;
    }
    return { start: Math.max(position, first.start), end, isLiteral };
  }

  /** Returns true if a span of the queue masks the byte at `position`. */
  covers(position: number): boolean {
    return (this.#spans[this.#firstAfter(position, endOf)]?.start ?? Infinity) <= position;
  }

  /**
   * Returns the index of the first span whose start (or end) is larger than `position`. `edgeOf` selects the start or
   * the end.
   */
  #firstAfter(position: number, edgeOf: (span: Span) => number): number {
    let low = this.#head;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const span = this.#spans[middle];
      if (span !== undefined && edgeOf(span) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Removes and returns the first span if it starts before `position`. Otherwise returns undefined. */
  takeBefore(position: number): Span | undefined {
    const span = this.#spans[this.#head];
    if (span === undefined || span.start >= position) return undefined;
    this.#head += 1;
    if (this.#head === this.#spans.length) {
      this.#spans = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#spans.splice(0, this.#head);
      this.#head = 0;
    }
    return span;
  }
}

const startOf = (span: Span): number => span.start;
const endOf = (span: Span): number => span.end;

function compareSpans(left: Span, right: Span): number {
  if (left.start !== right.start) return left.start - right.start;
  if (left.end !== right.end) return right.end - left.end;
  if (left.rank !== right.rank) return left.rank - right.rank;
  return (left.rule ?? '') < (right.rule ?? '') ? -1 : 1;
}

/** A range of bytes to mask, as positions in the stream. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /**
   * The rule that found the secret. Undefined for a range that is not counted: a placeholder in the input, or a further
   * piece of a block.
   */
  readonly rule: string | undefined;
  /** Rank of the rule. If two spans have the same range, the one with the smaller rank is counted. */
  readonly rank: number;
}

/** A range of bytes that one or more overlapping or adjacent spans mask. */
export interface MaskedRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Spans in the order of their starts. Of spans with the same start, the longest is first. The order does not depend on
 * the order of the calls of `add`.
 */
export class SpanQueue {
  #spans: Span[] = [];
  #head = 0;

  add(span: Span): void {
    let at = this.#spans.length;
    while (at > this.#head) {
      const before = this.#spans[at - 1];
      if (before === undefined || compareSpans(before, span) <= 0) break;
      at -= 1;
    }
    if (at === this.#spans.length) this.#spans.push(span);
    else this.#spans.splice(at, 0, span);
  }

  /** Start of the first span. Infinity if there is no span. */
  get firstStart(): number {
    return this.#spans[this.#head]?.start ?? Infinity;
  }

  /**
   * Returns the masked ranges that overlap the part `from` to `to` of the stream, in order. No range begins before
   * `from`. `taken` is the masked range of the spans that were already taken from the queue.
   */
  rangesWithin(taken: MaskedRange, from: number, to: number): MaskedRange[] {
    const ranges: { start: number; end: number }[] = [];
    const add = ({ start, end }: MaskedRange) => {
      const last = ranges.at(-1);
      if (end <= from) return;
      if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
      else ranges.push({ start: Math.max(from, start), end });
    };
    add(taken);
    for (let at = this.#head; at < this.#spans.length; at += 1) {
      const span = this.#spans[at];
      if (span === undefined || span.start >= to) break;
      add(span);
    }
    return ranges;
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

function compareSpans(left: Span, right: Span): number {
  if (left.start !== right.start) return left.start - right.start;
  if (left.end !== right.end) return right.end - left.end;
  if (left.rank !== right.rank) return left.rank - right.rank;
  return (left.rule ?? '') < (right.rule ?? '') ? -1 : 1;
}

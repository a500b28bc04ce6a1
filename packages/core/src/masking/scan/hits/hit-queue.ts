import type { CompiledRule } from '../compiled-rules.ts';

const smallestCapacity = 64;

/**
 * A queue of hits (places at which a pattern must run), in the order in which their keywords end. A hit has a start, an
 * end and a rule. The caller decides what the end means. The queue is a ring, so adding and removing a hit takes
 * constant time.
 */
export class HitQueue {
  /** Number of hits in the queue. */
  size = 0;
  #starts = new Float64Array(smallestCapacity);
  #ends = new Float64Array(smallestCapacity);
  #rules: (CompiledRule | undefined)[] = new Array<undefined>(smallestCapacity).fill(undefined);
  #head = 0;

  add(start: number, end: number, rule: CompiledRule): void {
    if (this.size === this.#starts.length) this.#grow();
    const slot = this.#slot(this.size);
    this.#starts[slot] = start;
    this.#ends[slot] = end;
    this.#rules[slot] = rule;
    this.size += 1;
  }

  /** Returns the start of the hit at `index`. The first hit has the index 0. */
  startOf(index: number): number {
    return this.#starts[this.#slot(index)] ?? 0;
  }

  endOf(index: number): number {
    return this.#ends[this.#slot(index)] ?? 0;
  }

  /** Returns the rule of the first hit. Returns undefined if the queue is empty. */
  get firstRule(): CompiledRule | undefined {
    return this.size === 0 ? undefined : this.#rules[this.#head];
  }

  dropFirst(): void {
    this.#head = this.#slot(1);
    this.size -= 1;
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#starts.length - 1);
  }

  #grow(): void {
    const capacity = this.#starts.length * 2;
    const starts = new Float64Array(capacity);
    const ends = new Float64Array(capacity);
    const rules = new Array<CompiledRule | undefined>(capacity).fill(undefined);
    for (let index = 0; index < this.size; index += 1) {
      starts[index] = this.startOf(index);
      ends[index] = this.endOf(index);
      rules[index] = this.#rules[this.#slot(index)];
    }
    this.#starts = starts;
    this.#ends = ends;
    this.#rules = rules;
    this.#head = 0;
  }
}

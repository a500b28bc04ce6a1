import type { CompiledRule } from './compiled-rules.ts';

const smallestCapacity = 64;

/**
 * Hits in the order in which their keywords end. Each hit has a start, an end and a rule. What the end means is decided
 * by the caller. The queue is a ring, so that adding and dropping a hit takes the same time however many hits wait.
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

  /** Returns the start of a hit. `index` is counted from the first hit. */
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

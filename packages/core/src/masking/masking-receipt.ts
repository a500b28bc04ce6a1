/** How many secrets of one rule were masked. `rule` is the id of a rule, or `known:` and the name of a known value. */
export interface MaskedCount {
  readonly rule: string;
  readonly count: number;
}

/** What was masked. It never holds a value. Secrets that overlap count once, for the one that begins first. */
export interface MaskingReceipt {
  readonly masked: readonly MaskedCount[];
}

/** Counts the masked secrets of one stream. */
export class ReceiptCounter {
  readonly #counts = new Map<string, number>();

  add(rule: string): void {
    this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1);
  }

  get receipt(): MaskingReceipt {
    const masked = [...this.#counts].map(([rule, count]) => ({ rule, count }));
    return { masked: masked.sort((left, right) => (left.rule < right.rule ? -1 : 1)) };
  }
}

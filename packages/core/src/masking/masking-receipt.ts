/** How many secrets of one rule were masked. `rule` is the id of a rule, or `known:` and the name of a known value. */
export interface MaskedCount {
  readonly rule: string;
  readonly count: number;
}

/**
 * How many secrets each rule has masked. A receipt never contains the value of a secret. Overlapping secrets count as
 * one, for the rule of the secret that begins first.
 */
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

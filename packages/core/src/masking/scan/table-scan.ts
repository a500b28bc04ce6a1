import type { SecretRule, TableRows } from '../secret-rule.ts';
import type { ByteWindow } from './byte-window.ts';
import type { SpanQueue } from './span-queue.ts';
import type { WindowText } from './window-text.ts';

/** Largest number of bytes of a row. A longer row ends its table. */
export const rowWindow = 4096;

/** Reads the rows of one table. Adds a span for each secret in the columns that the header names. */
export class TableScan {
  /** Number of bytes that were read. */
  steps = 0;
  isDone = false;
  readonly #rule: SecretRule;
  readonly #rank: number;
  readonly #rows: TableRows;
  #position: number;

  constructor(rule: SecretRule, rank: number, rows: TableRows, bodyStart: number) {
    this.#rule = rule;
    this.#rank = rank;
    this.#rows = rows;
    this.#position = bodyStart;
  }

  /** Position of the first byte of the rows that were not read yet. */
  get position(): number {
    return this.#position;
  }

  scan(window: ByteWindow, text: WindowText, ended: boolean, spans: SpanQueue): void {
    while (!this.isDone && (ended || window.end - this.#position >= rowWindow)) {
      this.#readRow(text.slice(this.#position, Math.min(this.#position + rowWindow, window.end)), spans);
    }
  }

  #readRow(text: string, spans: SpanQueue): void {
    const row = this.#rows.read(text);
    this.steps += (row?.length ?? text.length) + 1;
    this.isDone = row === undefined;
    if (row === undefined) return;
    for (const { from, to, word } of row.cells) {
      const secret = text.slice(from, to);
      if (this.#rule.accepts?.(secret, { word }) === false) continue;
      spans.add({ start: this.#position + from, end: this.#position + to, rule: this.#rule.id, rank: this.#rank });
    }
    this.#position += row.length;
  }
}

import type { ByteWindow } from './byte-window.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import type { SecretBlock } from '../secret-rule.ts';
import type { SpanQueue } from './span-queue.ts';
import type { WindowText } from './window-text.ts';

/**
 * Largest number of bytes that the pattern of a block rule reads at once. The pattern of each piece of the block has
 * the same limit.
 */
export const blockWindow = 256;

export interface BlockStart {
  readonly block: SecretBlock;
  readonly rule: string;
  /** Index of the rule in the array of rules. */
  readonly index: number;
  readonly rank: number;
  readonly start: number;
  /** Position after the match of the rule's `pattern`, at which the body of the block begins. */
  readonly bodyStart: number;
  /** Position at which the block ends at the latest. */
  readonly limit: number;
}

const longText = /[A-Za-z0-9+/=]{16}/;

/** Reads the body of one block piece by piece. Adds the span of each piece as soon as later bytes cannot change it. */
export class BlockScan {
  /** Number of bytes that were passed to patterns. */
  steps = 0;
  isDone = false;
  readonly #start: BlockStart;
  #position: number;
  #hasPiece = false;
  #hasSkipped = false;

  constructor(start: BlockStart) {
    this.#start = start;
    this.#position = start.bodyStart;
  }

  /** Position of the first byte that later input may still add to the block. */
  get holdFrom(): number {
    return this.#hasPiece ? this.#position : this.#start.start;
  }

  /** Position after the last byte that is known to belong to the block. */
  get position(): number {
    return this.#position;
  }

  get index(): number {
    return this.#start.index;
  }

  get hasPiece(): boolean {
    return this.#hasPiece;
  }

  scan(window: ByteWindow, text: WindowText, ended: boolean, spans: SpanQueue): void {
    while (!this.isDone && (ended || window.end - this.#position >= blockWindow)) this.#step(window, text, spans);
  }

  #step(window: ByteWindow, text: WindowText, spans: SpanQueue): void {
    const { block, limit } = this.#start;
    const to = Math.min(this.#position + blockWindow, window.end, limit);
    const slice = text.slice(this.#position, to);
    this.steps += slice.length + 1;
    const last = matchLength(block.end, slice);
    const length = last > 0 ? last : matchLength(block.piece, slice);
    if (last === 0 && !this.#hasPiece && this.#skipPlaceholder(slice, length)) return;
    this.isDone = last > 0 || length === 0 || this.#position + length >= limit;
    if (length === 0 || (last > 0 && !this.#hasPiece)) return;
    this.#addSpan(length, spans);
  }

  /**
   * Skips a placeholder at the beginning of the body. Its line was masked for another reason, so the placeholder does
   * not count as a piece. The body continues after the placeholder only if a long text follows.
   */
  #skipPlaceholder(slice: string, length: number): boolean {
    const at = slice.slice(0, length + maskPlaceholder.length).indexOf(maskPlaceholder);
    const isPlaceholder = length > 0 && at !== -1 && at < length;
    if (!isPlaceholder) {
      this.isDone = this.#hasSkipped && !longText.test(slice.slice(0, length));
      return this.isDone;
    }
    this.#hasSkipped = true;
    this.#position += Math.max(length, at + maskPlaceholder.length);
    this.isDone = this.#position >= this.#start.limit;
    return true;
  }

  /**
   * Adds the span of a piece. The span of the first piece also covers the match of the rule's `pattern`. Only this span
   * is counted as a secret.
   */
  #addSpan(length: number, spans: SpanQueue): void {
    const { start, rule, rank } = this.#start;
    const end = this.#position + length;
    if (this.#hasPiece) spans.add({ start: this.#position, end, rule: undefined, rank });
    else spans.add({ start, end, rule, rank });
    this.#hasPiece = true;
    this.#position = end;
  }
}

function matchLength(pattern: RegExp, text: string): number {
  pattern.lastIndex = 0;
  return pattern.test(text) ? pattern.lastIndex : 0;
}

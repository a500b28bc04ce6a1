import type { ByteWindow } from './byte-window.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import type { SecretBlock } from '../secret-rule.ts';
import type { SpanQueue } from './span-queue.ts';
import type { WindowText } from './window-text.ts';

/** The pattern of a block and each of its pieces read at most this many bytes. */
export const blockWindow = 256;

export interface BlockStart {
  readonly block: SecretBlock;
  readonly rule: string;
  /** Index of the rule in its set. */
  readonly index: number;
  readonly rank: number;
  readonly start: number;
  /** First position after the match of the rule's pattern. */
  readonly bodyStart: number;
  /** The block ends here at the latest. */
  readonly limit: number;
}

const longText = /[A-Za-z0-9+/=]{16}/;

/** Reads the body of one block piece by piece and adds its spans as far as they are decided. */
export class BlockScan {
  /** Number of bytes handed to patterns. */
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

  /** First position whose bytes are not decided. */
  get holdFrom(): number {
    return this.#hasPiece ? this.#position : this.#start.start;
  }

  /** First position after the bytes that belong to the block so far. */
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

  /** A placeholder does not begin the body of a block: the line was masked for another reason. A long text after it does. */
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

  /** The first span is counted and covers the match of the rule's pattern too. */
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

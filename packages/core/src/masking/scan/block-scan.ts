import type { ByteWindow } from './byte-window.ts';
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

/** Reads the body of one block piece by piece and adds its spans as far as they are decided. */
export class BlockScan {
  /** Number of bytes handed to patterns. */
  steps = 0;
  isDone = false;
  readonly #start: BlockStart;
  #position: number;
  #hasPiece = false;

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
    this.isDone = last > 0 || length === 0 || this.#position + length >= limit;
    if (length === 0 || (last > 0 && !this.#hasPiece)) return;
    this.#addSpan(length, spans);
  }

  /** The first span is counted and covers the match of the rule's pattern too. */
  #addSpan(length: number, spans: SpanQueue): void {
    const { start, rule, rank } = this.#start;
    const end = this.#position + length;
    if (this.#hasPiece) spans.add({ start: this.#position, end, rule: undefined, rank, conditional: false });
    else spans.add({ start, end, rule, rank, conditional: false });
    this.#hasPiece = true;
    this.#position = end;
  }
}

function matchLength(pattern: RegExp, text: string): number {
  pattern.lastIndex = 0;
  return pattern.test(text) ? pattern.lastIndex : 0;
}

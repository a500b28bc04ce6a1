import { BlockLines, lineWindow } from './block-lines.ts';
import type { ByteWindow } from './byte-window.ts';
import type { SecretBlock } from '../secret-rule.ts';
import type { SpanQueue } from './span-queue.ts';
import type { WindowText } from './window-text.ts';

/** Largest number of bytes that the patterns of a block read at once. */
const pieceWindow = 256;

/** Returns how many bytes, from a position on, must be known to read the block at this position. */
export function blockWindowOf(block: SecretBlock): number {
  return block.marks === undefined ? pieceWindow : lineWindow;
}

export interface BlockStart {
  readonly block: SecretBlock;
  readonly rule: string;
  readonly rank: number;
  readonly start: number;
  /** Position after the match of the rule's `pattern`, at which the body of the block begins. */
  readonly bodyStart: number;
  /** Position at which the block ends at the latest. */
  readonly limit: number;
  /** The text before the block on the same line. Undefined if it is too long. */
  readonly before: string | undefined;
}

/** Reads the body of one block piece by piece. Adds the span of each piece as soon as later bytes cannot change it. */
export class BlockScan {
  /** Number of bytes that were passed to patterns. */
  steps = 0;
  isDone = false;
  readonly #start: BlockStart;
  readonly #lines: BlockLines | undefined;
  readonly #windowBytes: number;
  #position: number;
  #hasPiece = false;

  constructor(start: BlockStart) {
    const { block, bodyStart, before } = start;
    this.#start = start;
    this.#lines = block.marks === undefined ? undefined : new BlockLines(block.marks, before);
    this.#windowBytes = blockWindowOf(block);
    this.#position = bodyStart;
  }

  /** Position of the first byte that later input may still add to the block. */
  get holdFrom(): number {
    return this.#hasPiece ? this.#position : this.#start.start;
  }

  /** Position after the last byte that is known to belong to the block. */
  get position(): number {
    return this.#position;
  }

  get hasPiece(): boolean {
    return this.#hasPiece;
  }

  scan(window: ByteWindow, text: WindowText, ended: boolean, spans: SpanQueue): void {
    while (!this.isDone && (ended || window.end - this.#position >= this.#windowBytes)) {
      this.#step(window, text, ended, spans);
      this.isDone ||= this.#position >= this.#start.limit;
    }
  }

  #step(window: ByteWindow, text: WindowText, ended: boolean, spans: SpanQueue): void {
    const { block, limit } = this.#start;
    const to = Math.min(this.#position + this.#windowBytes, window.end, limit);
    const slice = text.slice(this.#position, to);
    const near = this.#lines?.isLineStart === true ? '' : slice.slice(0, pieceWindow);
    this.steps += near.length + 1;
    const last = matchLength(block.end, near);
    const length = last > 0 ? last : matchLength(block.piece, near);
    if (length === 0 && this.#lines !== undefined) {
      this.#stepLine(this.#lines, slice, to === limit || (ended && to === window.end), spans);
      return;
    }
    this.isDone = last > 0 || length === 0;
    if (length === 0 || (last > 0 && !this.#hasPiece)) return;
    this.#lines?.leaveLine(near.slice(0, length));
    this.#addPiece(0, length, spans);
  }

  #stepLine(lines: BlockLines, text: string, isLast: boolean, spans: SpanQueue): void {
    const step = lines.step(text, isLast);
    this.isDone = step.kind === 'stop' || step.kind === 'end';
    if (step.kind === 'skip') this.#position += step.to;
    if (step.kind === 'text' || step.kind === 'end') this.#addPiece(step.from, step.to, spans);
    this.steps += lines.readBytes;
  }

  /**
   * Adds the span of a piece. Its offsets are counted from the position of the block. For the first piece, the match of
   * the rule's `pattern` also becomes a span. Only this span counts as a secret.
   */
  #addPiece(from: number, to: number, spans: SpanQueue): void {
    const { start, bodyStart, rule, rank } = this.#start;
    const piece = { start: this.#position + from, end: this.#position + to, rule: undefined, rank };
    const isAdjacent = piece.start === bodyStart;
    if (!this.#hasPiece) spans.add({ start, end: isAdjacent ? piece.end : bodyStart, rule, rank });
    if (this.#hasPiece || !isAdjacent) spans.add(piece);
    this.#hasPiece = true;
    this.#position = piece.end;
  }
}

function matchLength(pattern: RegExp, text: string): number {
  pattern.lastIndex = 0;
  return pattern.test(text) ? pattern.lastIndex : 0;
}

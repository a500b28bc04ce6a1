import { isUtf8 } from 'node:buffer';
import { excerptLimits, type FoundLine } from '@proofhouse/core';
import type { TimeSlices } from '../kernel/time/time-slices.ts';

export interface LineSearch {
  /** The text to find. Upper and lower case are equal. */
  readonly needle: string;
  /** Start of the byte range to search, as an offset in the artifact. */
  readonly start: number;
  /** End of the byte range (exclusive), as an offset in the artifact. */
  readonly end: number;
  /** True if the byte range ends at the end of the artifact. */
  readonly isWhole: boolean;
  /** Number of lines to return before and after each match. */
  readonly context: number;
  readonly maxMatches: number;
  /** Largest total size in bytes of the returned lines. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly slices: TimeSlices;
}

export interface SearchResult {
  readonly matches: FoundLine[];
  /** Offset in the artifact from which to continue the search. Undefined when the whole range was searched. */
  readonly stoppedAt: number | undefined;
  readonly invalidUtf8: boolean;
}

/**
 * Searches a stream of bytes for a text, line by line. At most one line is in memory, or one piece of a line longer than
 * `pieceBytes`. The search takes linear time in the number of bytes.
 */
export async function searchLines(chunks: AsyncIterable<Buffer>, search: LineSearch): Promise<SearchResult> {
  const finding = new Finding(search);
  for await (const piece of linePieces(chunks, search)) {
    if (search.slices.isOver) await search.slices.nextTurn();
    const isCut = !piece.ended && piece.offset + piece.bytes.length === search.end && !search.isWhole;
    if (isCut || search.signal.aborted || finding.isFull(piece)) return finding.result(piece.offset);
    if (!finding.look(piece)) return finding.result(piece.offset);
  }
  return finding.result(undefined);
}

interface LinePiece {
  readonly offset: number;
  /** Number of the line, counted from 1. */
  readonly line: number;
  readonly bytes: Buffer;
  /** True if the piece contains the end of its line. */
  readonly ended: boolean;
}

/**
 * Lines longer than this are searched in pieces of this size. Two successive pieces overlap by `overlapBytes`, so that
 * no match at their boundary is missed.
 */
const pieceBytes = 64 * 1024;
const overlapBytes = excerptLimits.grepCharacters * 4;

async function* linePieces(chunks: AsyncIterable<Buffer>, { start }: LineSearch): AsyncGenerator<LinePiece> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = start;
  let line = 1;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(0x0a, at);
      const length = (end === -1 ? bytes.length : end) - at;
      if (length > pieceBytes) {
        yield { offset: offset + at, line, bytes: bytes.subarray(at, at + pieceBytes), ended: false };
        at += pieceBytes - overlapBytes;
      } else if (end === -1) {
        break;
      } else {
        yield { offset: offset + at, line, bytes: bytes.subarray(at, end), ended: true };
        at = end + 1;
        line += 1;
      }
    }
    rest = bytes.subarray(at);
    offset += at;
  }
  if (rest.length > 0) yield { offset, line, bytes: rest, ended: false };
}

/** Collects the matches of one search, up to the limits of the result. */
class Finding {
  readonly #search: LineSearch;
  readonly #needle: string;
  readonly #matches: FoundLine[] = [];
  #before: string[] = [];
  #spentBytes = 0;
  #lastLine = 0;
  #invalidUtf8 = false;

  constructor(search: LineSearch) {
    this.#search = search;
    this.#needle = search.needle.toLowerCase();
  }

  /** Returns true if the result is full, so that neither a match nor a context line in this piece can be added. */
  isFull(piece: LinePiece): boolean {
    const { maxMatches, context, maxBytes } = this.#search;
    if (this.#spentBytes >= maxBytes) return true;
    return this.#matches.length >= maxMatches && piece.line > this.#lastLine + context;
  }

  /**
   * Searches a piece. Returns false if the piece contains a match that does not fit into the size limit of the result.
   * The search must then stop.
   */
  look(piece: LinePiece): boolean {
    const text = textOf(piece);
    const isKnown = piece.line === this.#lastLine;
    const hit = isKnown ? -1 : text.toLowerCase().indexOf(this.#needle);
    if (hit !== -1 && this.#matches.length < this.#search.maxMatches) return this.#take(piece, text, hit);
    if (!isKnown && !this.#follow(piece, text) && piece.ended) this.#remember(text);
    return true;
  }

  result(stoppedAt: number | undefined): SearchResult {
    return { matches: this.#matches, stoppedAt, invalidUtf8: this.#invalidUtf8 };
  }

  #take(piece: LinePiece, text: string, hit: number): boolean {
    const { text: shown, from } = cutAround(text, hit);
    const isFirst = this.#matches.length === 0;
    const fits = this.#fits([shown, ...this.#before]);
    // The first match is returned even if it exceeds the limit, so that a caller who continues the search makes
    // progress.
    if (!fits && !isFirst) return false;
    const skipped = from === 0 ? 0 : Buffer.byteLength(text.slice(0, from));
    const before = fits ? this.#before : [];
    this.#matches.push({ offset: piece.offset + skipped, line: piece.line, text: shown, before, after: [] });
    this.#before = [];
    this.#lastLine = piece.line;
    this.#spend([shown, ...before]);
    if (!isUtf8(piece.bytes)) this.#invalidUtf8 = true;
    return true;
  }

  /**
   * Adds the piece to the context lines after the last match, if it is one of them and fits into the size limit.
   * Returns true if the line of the piece is one of these context lines.
   */
  #follow(piece: LinePiece, text: string): boolean {
    const last = this.#matches.at(-1);
    if (last === undefined || piece.line > last.line + this.#search.context) return false;
    const isShown = last.after.length >= piece.line - last.line;
    const { text: shown } = cutAround(text, 0);
    if (isShown || !this.#fits([shown])) return isShown;
    last.after.push(shown);
    this.#spend([shown]);
    return true;
  }

  #remember(text: string): void {
    if (this.#search.context === 0) return;
    this.#before.push(cutAround(text, 0).text);
    if (this.#before.length > this.#search.context) this.#before.shift();
  }

  #fits(lines: readonly string[]): boolean {
    return this.#spentBytes + sizeOf(lines) <= this.#search.maxBytes;
  }

  #spend(lines: readonly string[]): void {
    this.#spentBytes += sizeOf(lines);
  }
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}

// Decodes a piece. A piece of a long line may begin or end inside a character, whose incomplete bytes become U+FFFD.
function textOf({ bytes }: LinePiece): string {
  const text = bytes.toString('utf8');
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

function cutAround(text: string, hit: number): { text: string; from: number } {
  const most = excerptLimits.lineCharacters;
  if (text.length <= most) return { text, from: 0 };
  const from = Math.max(0, Math.min(hit - most / 4, text.length - most));
  return { text: text.slice(from, from + most).toWellFormed(), from };
}

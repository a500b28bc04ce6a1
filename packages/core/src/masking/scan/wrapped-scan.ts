import { ByteWindow } from './byte-window.ts';
import { SpanQueue } from './span-queue.ts';
import { ValueScan } from './value-scan.ts';
import type { ValueIndex } from '../values/value-index.ts';

/** A line end may be inside a value only if at least this number of base64 characters precedes it. */
const shortestLine = 48;
/**
 * Line feeds that follow each block. There are more of them than a window of an index has bytes. So no match extends
 * over them.
 */
const separator = new Uint8Array(16).fill(0x0a);
/** Largest number of characters that are searched at the end of the first line of a block. */
const longestLine = 4096;
/** Number of bytes that are kept before a match that is not decided yet. */
const kept = 64;

/** 1 for each character of base64, base64url and hex. */
const isText = new Uint8Array(256);
for (const sign of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_')
  isText[sign.charCodeAt(0)] = 1;

/** Distances of the tested characters from the end of a line. */
const samples = [1, shortestLine, 31, 19] as const;

/** A part of the unwrapped text, with its position there and in the stream. */
interface Part {
  readonly at: number;
  readonly position: number;
}

/**
 * Finds the forms of known values that are written in several lines, as `base64` and `xxd -p` write them. It copies each
 * block of such lines without line ends and indentations, and searches the copy.
 */
export class WrappedScan {
  readonly #scans: readonly ValueScan[];
  readonly #text = new ByteWindow();
  #parts: Part[] = [];
  #scanned: number;
  /** Positions of the next line feed and the next carriage return from `#scanned` on, or -1 if they are unknown. */
  #lineFeed = -1;
  #carriageReturn = -1;
  /** Number of characters of base64 before the position `#scanned`. */
  #run = 0;
  /** Position in the copy of the first byte that may belong to a form that is not complete yet. */
  #hold = 0;
  #place: 'outside' | 'line-end' | 'line' = 'outside';

  constructor(indexes: readonly ValueIndex[], from: number) {
    this.#scans = indexes.map((index) => new ValueScan(index, 0));
    this.#scanned = from;
  }

  /** Number of bytes that were read or compared. */
  get steps(): number {
    return this.#scans.reduce((sum, scan) => sum + scan.steps, this.#scanned);
  }

  /** Adds a span for each form that is now complete. Must be called each time bytes were added to `window`. */
  scan(window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    if (this.#scans.length === 0) return;
    const { end } = this.#text;
    [this.#lineFeed, this.#carriageReturn] = [-1, -1];
    while (this.#scanned < window.end) {
      if (this.#place === 'outside') this.#findBlock(window);
      else this.#readBlock(window);
    }
    if (this.#text.end === end && !ended) return;
    const found = new SpanQueue();
    for (const scan of this.#scans) scan.scan(this.#text, ended, found);
    this.#hold = this.#scans.reduce((hold, scan) => Math.min(hold, scan.holdFrom(this.#text)), this.#text.end);
    for (let span = found.takeBefore(Infinity); span !== undefined; span = found.takeBefore(Infinity)) {
      spans.add({ ...span, start: this.#positionOf(span.start), end: this.#positionOf(span.end - 1) + 1 });
    }
  }

  /** Returns the position of the first byte that may belong to a form that is not complete yet. */
  holdFrom(window: ByteWindow): number {
    return this.#hold < this.#text.end ? this.#positionOf(this.#hold) : window.end;
  }

  /** Reads up to the next line end. A block begins if a long text of base64 precedes the line end. */
  #findBlock(window: ByteWindow): void {
    const { bytes, base, end } = window;
    const from = this.#scanned;
    if (this.#lineFeed < from) this.#lineFeed = nextOf(0x0a, window, from);
    if (this.#carriageReturn < from) this.#carriageReturn = nextOf(0x0d, window, from);
    const at = Math.min(this.#lineFeed, this.#carriageReturn);
    this.#scanned = Math.min(at + 1, end);
    // At first only some of the characters are tested, because this is faster. Few lines pass this test.
    if (at - from >= shortestLine && !samples.every((back) => isText[bytes[at - base - back] ?? 0] === 1))
      this.#run = 0;
    else this.#run = this.#runBefore(window, from, at);
    if (at === end) return;
    if (this.#run >= shortestLine) {
      const first = Math.max(base, at - this.#run);
      this.#append(bytes.subarray(first - base, at - base), first);
      this.#place = 'line-end';
    }
    this.#run = 0;
  }

  #runBefore({ bytes, base }: ByteWindow, from: number, at: number): number {
    const last = at - base;
    const limit = Math.max(from - base, last - longestLine);
    let first = last;
    while (first > limit && isText[bytes[first - 1] ?? 0] === 1) first -= 1;
    return last - first + (first === from - base ? this.#run : 0);
  }

  /** Reads the white space before a line of a block, or the text of the line. */
  #readBlock({ bytes, base, end }: ByteWindow): void {
    const length = end - base;
    let at = this.#scanned - base;
    if (this.#place === 'line-end') {
      while (at < length && isSpace(bytes[at] ?? 0)) at += 1;
      this.#scanned = base + at;
      if (at < length) this.#place = 'line';
      return;
    }
    const from = at;
    while (at < length && isText[bytes[at] ?? 0] === 1) at += 1;
    this.#append(bytes.subarray(from, at), base + from);
    this.#run += at - from;
    this.#scanned = base + at;
    if (at === length) return;
    const isLineEnd = bytes[at] === 0x0a || bytes[at] === 0x0d;
    if (isLineEnd && this.#run >= shortestLine) this.#place = 'line-end';
    else {
      this.#place = 'outside';
      this.#append(separator, base + at);
    }
    this.#run = 0;
  }

  #append(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const keepFrom = Math.max(this.#text.base, this.#hold - kept);
    const next = this.#parts.findIndex(({ at }) => at > keepFrom);
    if (next > 1) this.#parts = this.#parts.slice(next - 1);
    this.#parts.push({ at: this.#text.end, position });
    this.#text.append(bytes, keepFrom);
  }

  /** Returns the position in the stream of a position in the unwrapped text. */
  #positionOf(at: number): number {
    const part = this.#parts.findLast((each) => each.at <= at);
    return part === undefined ? 0 : part.position + at - part.at;
  }
}

/** Returns the next position of `byte`, or the end of the window. */
function nextOf(byte: number, { bytes, base, end }: ByteWindow, from: number): number {
  const at = bytes.indexOf(byte, from - base);
  return at === -1 ? end : Math.min(end, base + at);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

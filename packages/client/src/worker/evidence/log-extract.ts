import type { CapturedLog, Stretch } from './captured-log.ts';
import { countLineEnds } from './captured-log.ts';

/** A cut is moved by at most this number of bytes, so that it is between two lines. */
const longestLineBytes = 64 * 1024;
/** Number of bytes reserved for the line that says what is missing, and for a line end before it. */
const gapLineBytes = 120;

/** The log as it is deposited: the whole log, or its beginning and its end. */
export interface LogExtract {
  /** Yields the bytes of the extract. May be called more than once. */
  readonly read: () => AsyncIterable<Uint8Array>;
  /** Undefined if nothing is missing. */
  readonly cut: LogCut | undefined;
}

export interface LogCut {
  readonly truncated: true;
  /** Size of the whole log in bytes. */
  readonly logBytes: number;
  readonly missingBytes: number;
  readonly missingLines: number;
}

/**
 * Returns a log as at most `maxBytes` bytes: unchanged, or its beginning and its end. A line between the two says how
 * much is missing, however small `maxBytes` is. Beginning and end consist of whole lines, unless a line is longer than
 * `longestLineBytes`.
 */
export async function extractLog(log: CapturedLog, maxBytes: number): Promise<LogExtract> {
  const [first = { from: 0, to: 0 }, last] = log.kept;
  const end = (last ?? first).to;
  if (last === undefined && end === log.sizeBytes && end <= maxBytes) {
    return { read: () => log.read(first), cut: undefined };
  }
  const room = Math.max(0, maxBytes - gapLineBytes * (log.failure === undefined ? 1 : 2));
  const head = { from: 0, to: await lineBefore(log, Math.min(first.to, wanted(end, room, 'head'))) };
  const tailFrom = Math.max(head.to, last?.from ?? 0, end - wanted(end, room, 'tail'));
  const tail = { from: await lineAfter(log, tailFrom, end), to: end };
  const kept = [head, tail].filter(({ from, to }) => to > from);
  const keptBytes = kept.reduce((sum, { from, to }) => sum + to - from, 0);
  let keptLineEnds = 0;
  for (const stretch of kept) for await (const piece of log.read(stretch)) keptLineEnds += countLineEnds(piece);
  const cut = {
    truncated: true,
    logBytes: log.sizeBytes,
    missingBytes: log.sizeBytes - keptBytes,
    missingLines: log.lineEnds - keptLineEnds,
  } as const;
  return { read: () => withGap(log, head, tail, cut), cut };
}

// Returns how many bytes of the beginning (`head`) or of the end (`tail`) of a log are kept. `end` is the size of the
// log file, `room` the largest number of bytes to keep. A log that fits into `room` is kept whole, as the `head`.
function wanted(end: number, room: number, part: 'head' | 'tail'): number {
  if (end <= room) return part === 'head' ? end : 0;
  return part === 'head' ? Math.floor(room / 2) : Math.ceil(room / 2);
}

async function* withGap(log: CapturedLog, head: Stretch, tail: Stretch, cut: LogCut): AsyncGenerator<Uint8Array> {
  let lastByte = 0x0a;
  for await (const piece of log.read(head)) {
    lastByte = piece.at(-1) ?? lastByte;
    yield piece;
  }
  const isEndMissing = log.failure !== undefined;
  const line = `[proofhouse: ${cut.missingBytes} bytes (${cut.missingLines} lines) are missing here]\n`;
  if (!isEndMissing || tail.to > tail.from) yield Buffer.from(lastByte === 0x0a ? line : `\n${line}`);
  for await (const piece of log.read(tail)) {
    lastByte = piece.at(-1) ?? lastByte;
    yield piece;
  }
  if (!isEndMissing) return;
  const lastLine = `[proofhouse: the end is missing: the worker's disk took no more; ${cut.missingBytes} bytes are missing in all]\n`;
  yield Buffer.from(lastByte === 0x0a ? lastLine : `\n${lastLine}`);
}

/**
 * Returns the end of the last whole line at or before `to`. If the line is too long, returns the end of a character.
 */
async function lineBefore(log: CapturedLog, to: number): Promise<number> {
  if (to === 0) return 0;
  const from = Math.max(0, to - longestLineBytes);
  const bytes = await collected(log, { from, to });
  const at = bytes.lastIndexOf(0x0a);
  return at === -1 ? from + wholeCharacters(bytes) : from + at + 1;
}

/**
 * Returns the start of the first whole line at or after `from`. If the line is too long, returns the start of a
 * character.
 */
async function lineAfter(log: CapturedLog, from: number, end: number): Promise<number> {
  if (from === 0 || from === end) return from;
  const bytes = await collected(log, { from, to: Math.min(end, from + longestLineBytes) });
  const at = bytes.indexOf(0x0a);
  if (at !== -1 && from + at + 1 < end) return from + at + 1;
  let start = 0;
  while (start < Math.min(4, bytes.length) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return from + start;
}

/** Returns the length in bytes without an incomplete UTF-8 character at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

async function collected(log: CapturedLog, stretch: Stretch): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of log.read(stretch)) pieces.push(piece);
  return Buffer.concat(pieces);
}

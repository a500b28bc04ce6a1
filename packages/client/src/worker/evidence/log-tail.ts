import { stripVTControlCharacters } from 'node:util';
import type { CapturedLog } from './captured-log.ts';

/**
 * Returns the last lines of a log as plain text of at most `maxBytes` of UTF-8. The first of them is complete, unless a
 * single line is longer than `maxBytes`.
 */
export async function readLogTail(log: CapturedLog, maxBytes: number): Promise<string> {
  const stretch = log.kept.at(-1) ?? { from: 0, to: 0 };
  const from = Math.max(stretch.from, stretch.to - maxBytes);
  const pieces: Buffer[] = [];
  for await (const piece of log.read({ from, to: stretch.to })) pieces.push(piece);
  const text = plain(Buffer.concat(pieces).toString()).trim();
  return from > 0 ? fromWholeLine(text) : text;
}

/**
 * Returns the last lines of a text that fit into `maxBytes` of UTF-8. If the last line alone is too long, returns its
 * end.
 */
export function lastLines(text: string, maxBytes: number): string {
  const end = lastBytes(text, maxBytes);
  return end.length === text.length ? text : fromWholeLine(end);
}

/** Returns the end of a text that fits into `maxBytes` of UTF-8, cut between characters. */
export function lastBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let start = bytes.length - maxBytes;
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.toString('utf8', start);
}

// Drops an incomplete line at the beginning of a truncated text, unless the text has no other line.
function fromWholeLine(text: string): string {
  return text.slice(text.indexOf('\n') + 1);
}

// Removes terminal colours, text that a progress bar has overwritten, and control characters. Some databases cannot
// store NUL.
function plain(text: string): string {
  return (
    stripVTControlCharacters(text)
      .replace(/\r\n/g, '\n')
      .split('\n')
      .map(asLastWritten)
      .join('\n')
      // eslint-disable-next-line no-control-regex -- finding control characters is the point.
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
  );
}

// Returns the last version of a line whose text was overwritten after a carriage return. The search starts at the end,
// so a long line without carriage returns takes only linear time.
function asLastWritten(line: string): string {
  return line.slice(line.lastIndexOf('\r', line.length - 2) + 1);
}

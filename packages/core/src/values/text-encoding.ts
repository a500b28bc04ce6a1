/** The encodings of bytes that count as text. */
export type TextEncoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** The number of bytes at the beginning of a content that decide whether it is text. */
export const headBytes = 8 * 1024;

/**
 * Returns the encoding of a text, or undefined for binary content. The first `headBytes` bytes decide this, or all
 * bytes of a shorter content.
 *
 * UTF-16 is recognized by its byte order mark, even if the text contains the character NUL. Without the mark, it is
 * recognized by its NUL bytes: at least half of the high bytes and none of the low bytes must be NUL, as in text that
 * is mostly ASCII. Other content with a NUL is binary.
 */
export function textEncodingOf(head: Uint8Array): TextEncoding | undefined {
  return wideEncodingOf(head) ?? (head.includes(0) ? undefined : 'utf-8');
}

const shortestWithoutMark = 8;

function wideEncodingOf(head: Uint8Array): TextEncoding | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  if (head.length < shortestWithoutMark || !head.includes(0)) return undefined;
  const nuls = [0, 0];
  for (let at = 0; at < head.length; at += 1) if (head[at] === 0) nuls[at % 2] = (nuls[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = nuls;
  const half = head.length / 4;
  if (even === 0 && odd >= half) return 'utf-16le';
  return odd === 0 && even >= half ? 'utf-16be' : undefined;
}

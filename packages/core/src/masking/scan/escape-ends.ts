import { lookbehind } from './rule-match.ts';

/** Distances from the end of an escape sequence back to its backslash: `\n`, `\x3d` and `\075`, `\u003d`. */
const backslashDistances = [2, 4, 6];
/** Distances back to the percent sign: `%3D`, `%253D` and so on. */
const percentDistances = [3, 5, 7, 9];
const backslash = 0x5c;
const percent = 0x25;
const equals = 0x3d;
const dash = 0x2d;
const escape = 0x1b;
const openBracket = 0x5b;
const letterB = 0x62;

export function isAlphanumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

/**
 * Returns true if an escape sequence or an option of one letter may end before `at`, which follows a letter or a digit. It
 * is a cheap test before the patterns that begin with `wordStart`, and returns true wherever `wordStart` may match.
 */
export function mayEndEscape(bytes: Uint8Array, at: number): boolean {
  if (bytes[at - 2] === dash || bytes[at - 3] === equals) return true;
  if (backslashDistances.some((distance) => bytes[at - distance] === backslash)) return true;
  if (percentDistances.some((distance) => bytes[at - distance] === percent)) return true;
  return mayEndControlSequence(bytes, at);
}

/**
 * The last byte of a control sequence follows parameters and intermediate bytes, which are 0x20 to 0x3F. Before them stands
 * a bracket or the escape character, which may be written as `\u001b`.
 */
function mayEndControlSequence(bytes: Uint8Array, at: number): boolean {
  const first = Math.max(0, at - lookbehind);
  let before = at - 2;
  while (before >= first && (bytes[before] ?? 0) >= 0x20 && (bytes[before] ?? 0) <= 0x3f) before -= 1;
  if (before < first) return false;
  const byte = bytes[before] ?? 0;
  return byte === openBracket || byte === escape || (before < at - 2 && (byte | 0x20) === letterB);
}

import { lookbehind } from './rule-match.ts';

/** Lengths in bytes of escape sequences that begin with a backslash: of `\n`, of `\x3d` and `\075`, and of `\u003d`. */
const backslashDistances = [2, 4, 6];
/** Lengths in bytes of escape sequences that begin with a percent sign: of `%3D`, of `%253D` and so on. */
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

/** Returns true for a byte that may belong to the lead of a secret: a letter, a digit or one of `_~.-`. */
export function isLead(byte: number): boolean {
  return isAlphanumeric(byte) || byte === 0x5f || byte === 0x7e || byte === 0x2e || byte === 0x2d;
}

/**
 * Returns true if an escape sequence or an option of one letter (`-p`) may end before `at`. A letter or digit must
 * precede `at`. This fast test runs before the patterns that begin with `wordStart`. It returns true wherever
 * `wordStart` may match.
 */
export function mayEndEscape(bytes: Uint8Array, at: number): boolean {
  if (bytes[at - 2] === dash || bytes[at - 3] === equals) return true;
  if (backslashDistances.some((distance) => bytes[at - distance] === backslash)) return true;
  if (percentDistances.some((distance) => bytes[at - distance] === percent)) return true;
  return mayEndControlSequence(bytes, at);
}

/**
 * Returns true if a control sequence of a terminal may end before `at`. Such a sequence begins with the escape
 * character, which may be written as `\u001b`, or with a bracket. Then come parameters and intermediate bytes (0x20 to
 * 0x3F), and one last byte.
 */
function mayEndControlSequence(bytes: Uint8Array, at: number): boolean {
  const first = Math.max(0, at - lookbehind);
  let before = at - 2;
  while (before >= first && (bytes[before] ?? 0) >= 0x20 && (bytes[before] ?? 0) <= 0x3f) before -= 1;
  if (before < first) return false;
  const byte = bytes[before] ?? 0;
  return byte === openBracket || byte === escape || (before < at - 2 && (byte | 0x20) === letterB);
}

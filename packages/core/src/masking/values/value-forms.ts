import { maskPlaceholder } from '../mask-placeholder.ts';
import { byteString, escapedTexts } from './text-escapes.ts';

/**
 * A form of a known value: a byte sequence from which the value can be read, such as the value itself or its base64
 * encoding.
 */
export interface ValueForm {
  /** The bytes of the form, as a text with one character for each byte. */
  readonly bytes: string;
  /** The text that names the value in receipts and findings, `known:` and the name. */
  readonly rule: string;
  /** True if the base64 character before the form also contains bits of the value. */
  readonly sharesBefore: boolean;
  /** True if the base64 character after the form also contains bits of the value. */
  readonly sharesAfter: boolean;
  /** True for a form in base64 or hex, which programs write in lines. */
  readonly isWrapped: boolean;
}

/** Smallest length in bytes of a value to mask, and of a single line of a value to mask. */
export const shortestValue = 6;
/** Smallest length in bytes of a value whose encodings are masked too. */
const shortestEncoded = 8;
/** Number of bytes that `base64` writes into one line. */
const shortestLine = 57;
/** Largest length of a form in bytes. If a value is longer, only the forms of its lines are used. */
const longestForm = 65_536;

/**
 * Returns all forms of a known value: the trimmed value, its lines, and the encodings of both. In base64 a value has
 * three forms, one for each offset in the encoded data. They omit padding and the characters that also depend on
 * neighbouring bytes. So they also match basic authentication of any user with this password. Some forms may occur
 * twice. With `isMany`, rare forms are left out, because there are thousands of values.
 */
export function valueForms(value: string, rule: string, { isMany = false } = {}): ValueForm[] {
  const forms: ValueForm[] = [];
  const add = (bytes: string, { sharesBefore = false, sharesAfter = false, isWrapped = false } = {}) => {
    if (bytes.length < shortestValue || bytes.length > longestForm) return;
    // A form must not be a part of the placeholder. Otherwise it would match in text that is already masked.
    if (!maskPlaceholder.includes(bytes)) forms.push({ bytes, rule, sharesBefore, sharesAfter, isWrapped });
  };
  for (const text of secretTexts(value)) {
    const bytes = byteString(text);
    add(bytes);
    if (bytes.length < shortestEncoded || bytes.length > longestForm) continue;
    for (const escaped of escapedTexts(text)) if (escaped !== text) add(byteString(escaped));
    const isWrapped = !isMany || bytes.length > shortestLine;
    addHex(bytes, isWrapped, add);
    addBase64(bytes, { isWrapped, isEncoded: !isMany }, add);
  }
  return forms;
}

type Add = (bytes: string, about?: { sharesBefore?: boolean; sharesAfter?: boolean; isWrapped?: boolean }) => void;

const boundary = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;

/** Returns the value without surrounding white space, the value with each kind of line ends, and each of its lines. */
function secretTexts(value: string): string[] {
  const trimmed = value.trim();
  if (!/[\r\n]/.test(trimmed)) return [trimmed];
  const lines = trimmed.split(/\r\n|\r|\n/);
  const texts = lines.map((line) => line.trim()).filter((line) => !boundary.test(line));
  return [trimmed, lines.join('\n'), lines.join('\r\n'), ...texts];
}

function addHex(bytes: string, isWrapped: boolean, add: Add): void {
  let hex = '';
  for (let at = 0; at < bytes.length; at += 1) hex += hexBytes[bytes.charCodeAt(at)] ?? '';
  add(hex, { isWrapped });
  add(hex.toUpperCase(), { isWrapped });
}

const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function addBase64(bytes: string, { isWrapped = false, isEncoded = false }, add: Add): void {
  for (const offset of [0, 1, 2]) {
    const bits = (offset + bytes.length) * 8;
    const encoded = btoa('\0'.repeat(offset) + bytes).slice(Math.ceil((offset * 8) / 6), Math.floor(bits / 6));
    const about = { sharesBefore: offset > 0, sharesAfter: bits % 6 !== 0, isWrapped };
    add(encoded, about);
    if (!/[+/]/.test(encoded)) continue;
    add(encoded.replaceAll('+', '-').replaceAll('/', '_'), about);
    if (!isEncoded) continue;
    const percentEncoded = encoded.replaceAll('+', '%2B').replaceAll('/', '%2F');
    add(percentEncoded, about);
    add(percentEncoded.replaceAll('%2B', '%2b').replaceAll('%2F', '%2f'), about);
    if (encoded.includes('+')) add(encoded.replaceAll('+', '%2B'), about);
    // Writers of JSON and HTML also escape `/` and `+`.
    if (encoded.includes('/')) add(encoded.replaceAll('/', '\\/'), about);
    if (encoded.includes('+')) add(encoded.replaceAll('+', '\\u002B'), about);
  }
}

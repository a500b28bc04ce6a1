import { maskPlaceholder } from '../mask-placeholder.ts';
import { byteString, escapedTexts } from './text-escapes.ts';

/** A byte sequence that gives a known value away. */
export interface ValueForm {
  /** One character a byte. */
  readonly bytes: string;
  /** Stands in receipts and findings. */
  readonly rule: string;
  /** Whether the base64 character before the form holds bits of the value too. */
  readonly sharesBefore: boolean;
  /** Whether the base64 character after the form holds bits of the value too. */
  readonly sharesAfter: boolean;
}

/** Values and lines of values with fewer bytes than this are not masked. */
export const shortestValue = 6;
/** Encoded forms exist only of values with at least this many bytes. */
const shortestEncoded = 8;
/** Longer forms are left out. The forms of the lines of a longer value remain. */
const longestForm = 65_536;

/**
 * Returns all forms of a known value: trimmed, its lines, and the encodings of both. Base64 comes at the three offsets that
 * the value may have in encoded data, without the characters that it shares with neighbours and without padding. So the
 * forms also cover the basic authentication of any user with this password. Some forms may come twice.
 */
export function valueForms(value: string, rule: string): ValueForm[] {
  const forms: ValueForm[] = [];
  const add = (bytes: string, sharesBefore = false, sharesAfter = false) => {
    if (bytes.length < shortestValue || bytes.length > longestForm) return;
    // A form inside the placeholder would match in text that is masked already.
    if (!maskPlaceholder.includes(bytes)) forms.push({ bytes, rule, sharesBefore, sharesAfter });
  };
  for (const text of secretTexts(value)) {
    const bytes = byteString(text);
    add(bytes);
    if (bytes.length < shortestEncoded || bytes.length > longestForm) continue;
    for (const escaped of escapedTexts(text)) if (escaped !== text) add(byteString(escaped));
    addHex(bytes, add);
    addBase64(bytes, add);
  }
  return forms;
}

type Add = (bytes: string, sharesBefore?: boolean, sharesAfter?: boolean) => void;

const boundary = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;

/** The value without surrounding white space, the value with the other kind of line ends, and each of its lines. */
function secretTexts(value: string): string[] {
  const trimmed = value.trim();
  if (!/[\r\n]/.test(trimmed)) return [trimmed];
  const lines = trimmed.split(/\r\n|\r|\n/);
  const texts = lines.map((line) => line.trim()).filter((line) => !boundary.test(line));
  return [trimmed, lines.join('\n'), lines.join('\r\n'), ...texts];
}

function addHex(bytes: string, add: Add): void {
  let hex = '';
  for (let at = 0; at < bytes.length; at += 1) hex += hexBytes[bytes.charCodeAt(at)] ?? '';
  add(hex);
  add(hex.toUpperCase());
}

const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function addBase64(bytes: string, add: Add): void {
  for (const offset of [0, 1, 2]) {
    const bits = (offset + bytes.length) * 8;
    const encoded = btoa('\0'.repeat(offset) + bytes).slice(Math.ceil((offset * 8) / 6), Math.floor(bits / 6));
    const sharesAfter = bits % 6 !== 0;
    add(encoded, offset > 0, sharesAfter);
    if (/[+/]/.test(encoded)) add(encoded.replaceAll('+', '-').replaceAll('/', '_'), offset > 0, sharesAfter);
  }
}

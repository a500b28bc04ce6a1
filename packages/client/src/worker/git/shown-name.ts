import { visibleText } from '@proofhouse/core';

/** A name of a file for people, in one line: hidden characters as their escapes; in quotes with `\xNN` when it is not UTF-8. */
export function shownName(name: Buffer | string): string {
  const bytes = typeof name === 'string' ? Buffer.from(name) : name;
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return visibleText(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  const shown = [...bytes].map((byte) => {
    const character = String.fromCharCode(byte);
    if (byte >= 0x20 && byte < 0x7f) return character === '"' || character === '\\' ? `\\${character}` : character;
    return `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${shown.join('')}"`;
}

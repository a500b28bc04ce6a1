import { visibleText } from '@proofhouse/core';

/**
 * Formats a file name as one line for messages. Hidden characters are escaped. A name that is not UTF-8 is quoted, with `\xNN`
 * for each byte that is not printable ASCII.
 */
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

const mostBytes = 255;

/**
 * Returns a client's file name in a form that can be shown and saved. This is the last part of the path, without control
 * and formatting characters, truncated to 255 bytes of UTF-8. Returns null when nothing or only dots are left.
 */
export function cleanFilename(raw: string): string | null {
  const last = raw.split(/[\\/]/).at(-1) ?? '';
  const text = last
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')
    // Normalisation must follow the removal of control characters. A removed character may have separated a letter from
    // its combining accent.
    .normalize('NFC')
    .trim();
  const name = cutTo(text, mostBytes).trim();
  return /^\.*$/.test(name) ? null : name;
}

function cutTo(text: string, bytes: number): string {
  let size = 0;
  let kept = '';
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    kept += character;
  }
  return kept;
}

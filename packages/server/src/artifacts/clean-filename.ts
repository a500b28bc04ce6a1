const mostBytes = 255;

/**
 * The name that a client gave a file, fit to be shown and saved under: its last part, without control and formatting
 * characters, cut to 255 bytes of UTF-8. Null when nothing is left.
 */
export function cleanFilename(raw: string): string | null {
  const last = raw.split(/[\\/]/).at(-1) ?? '';
  const text = last
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')
    // Only now: what is left out may have stood between a letter and its accent.
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

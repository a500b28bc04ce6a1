/**
 * Returns a text that every database can store. U+FFFD replaces lone surrogates and NUL. Used for output of programs
 * (summaries, error messages), because refusing the whole text would be worse.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

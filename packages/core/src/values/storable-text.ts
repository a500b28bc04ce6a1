/**
 * Returns text in a form that every database can store, with U+FFFD in place of lone surrogates and NUL. Used for
 * output of programs (summaries, error messages), because refusing such a text completely would be worse.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/**
 * Converts text to a form that every database can store: lone surrogates and NUL become U+FFFD. Used for program output
 * (summaries, error messages), where a refusal of the whole message would be worse.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

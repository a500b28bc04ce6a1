/**
 * Text as every engine can keep it: lone surrogates and NUL become U+FFFD. Used for what programs
 * print (summaries, error messages), where losing the whole message would be worse.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

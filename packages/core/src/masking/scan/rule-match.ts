/** Number of characters before a keyword that a pattern may read. */
export const lookbehind = 40;

/** Patterns may read this many bytes from the start of a keyword on, whatever the bytes are. After them they stop with the word. */
export const surelyRead = 512;

const secretGroups = ['secret', 'secret2', 'secret3', 'secret4'] as const;

/**
 * One secret of a match, with a function that returns its range in the text in which the pattern matched. The function
 * is called only when it is needed, because the engine must run the pattern again for the range.
 */
export type MatchedSecret = readonly [secret: string, rangeOf: () => readonly [from: number, to: number]];

/** Returns the named groups of a match. Returns the whole match if it has no named group. */
export function secretsOf(match: RegExpExecArray): readonly MatchedSecret[] {
  const names = secretGroups.filter((name) => match.groups?.[name] !== undefined);
  if (names.length === 0) return [[match[0], () => [match.index, match.index + match[0].length]]];
  return names
    .map((name): MatchedSecret => [match.groups?.[name] ?? '', () => match.indices?.groups?.[name] ?? [0, 0]])
    .filter(([secret]) => secret !== '');
}

/**
 * Returns the number of characters before the text of a secret: the sign of a diff and the indentation. Returns 0 if
 * the secret has only one line or does not begin a line.
 */
export function leadLength(text: string, at: number, secret: string): number {
  if (!secret.includes('\n') || (at > 0 && text[at - 1] !== '\n')) return 0;
  return /^[+-]?[ \t]*/.exec(secret)?.[0].length ?? 0;
}

/**
 * Returns the last line of `text`. Returns undefined if this line begins before `text`. `isWhole` is true if nothing precedes
 * `text`.
 */
export function lineBefore(text: string, isWhole: boolean): string | undefined {
  const lineEnd = text.lastIndexOf('\n');
  return lineEnd === -1 && !isWhole ? undefined : text.slice(lineEnd + 1);
}

/** A pattern may read this number of characters before a keyword. */
export const lookbehind = 40;

/**
 * From the start of a keyword on, a pattern may read this number of bytes, whatever they are. After these, it reads
 * only to the end of the current word.
 */
export const surelyRead = 512;

const secretGroups = ['secret', 'secret2', 'secret3', 'secret4'] as const;

/**
 * One secret of a match, with a function that returns its range in the text of the match. The engine must run the
 * pattern again for the range, so the function is called only when the range is needed.
 */
export type MatchedSecret = readonly [secret: string, rangeOf: () => readonly [from: number, to: number]];

/** Returns the named groups of a match. If it has none, returns the whole match. */
export function secretsOf(match: RegExpExecArray): readonly MatchedSecret[] {
  const names = secretGroups.filter((name) => match.groups?.[name] !== undefined);
  if (names.length === 0) return [[match[0], () => [match.index, match.index + match[0].length]]];
  return names
    .map((name): MatchedSecret => [match.groups?.[name] ?? '', () => match.indices?.groups?.[name] ?? [0, 0]])
    .filter(([secret]) => secret !== '');
}

/**
 * Returns how many characters precede a secret on its line: the sign of a diff and the indentation. Returns 0 if the
 * secret has only one line or does not begin a line.
 */
export function leadLength(text: string, at: number, secret: string): number {
  if (!secret.includes('\n') || (at > 0 && text[at - 1] !== '\n')) return 0;
  return /^[+-]?[ \t]*/.exec(secret)?.[0].length ?? 0;
}

/**
 * Returns the last line of `text`. Returns undefined if this line may begin before `text`. `isWhole` is true if `text`
 * has the beginning of the line.
 */
export function lineBefore(text: string, isWhole: boolean): string | undefined {
  const lineEnd = text.lastIndexOf('\n');
  return lineEnd === -1 && !isWhole ? undefined : text.slice(lineEnd + 1);
}

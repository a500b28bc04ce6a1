/** Number of characters before a keyword that a pattern may read. */
export const lookbehind = 40;

const secretGroups = ['secret', 'secret2', 'secret3', 'secret4'] as const;

/** A secret of a match and its range in the text of the match. The engine runs the pattern again for the range. */
export type MatchedSecret = readonly [secret: string, rangeOf: () => readonly [from: number, to: number]];

/** The named groups of a match, or the match as a whole where the pattern has none. */
export function secretsOf(match: RegExpExecArray): readonly MatchedSecret[] {
  const names = secretGroups.filter((name) => match.groups?.[name] !== undefined);
  if (names.length === 0) return [[match[0], () => [match.index, match.index + match[0].length]]];
  return names
    .map((name): MatchedSecret => [match.groups?.[name] ?? '', () => match.indices?.groups?.[name] ?? [0, 0]])
    .filter(([secret]) => secret !== '');
}

/** Length of the sign of a diff and the indentation before a secret that begins a line and has several. */
export function leadLength(text: string, at: number, secret: string): number {
  if (!secret.includes('\n') || (at > 0 && text[at - 1] !== '\n')) return 0;
  return /^[+-]?[ \t]*/.exec(secret)?.[0].length ?? 0;
}

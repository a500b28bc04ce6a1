// Compares a text with its masked copy, and finds the bytes that were replaced. It uses only these two texts, so that
// the corpus tests what users see.
import type { Span } from './corpus/sample.ts';

export const placeholder = '***MASKED***';

/**
 * Returns the spans of `original` that the placeholder has replaced in `masked`. Both are Latin-1 texts, with one
 * character for each byte. A placeholder that is already in the original is not a span. Throws if the two texts also
 * differ outside of placeholders.
 */
export function maskedSpans(original: string, masked: string): Span[] {
  const pieces = masked.split(placeholder);
  const spans = alignFrom(original, pieces, 1, pieces[0]?.length ?? 0);
  if (!original.startsWith(pieces[0] ?? '') || spans === undefined)
    throw new Error('The masked text differs from the original outside of its placeholders.');
  return spans.filter(({ from, to }) => original.slice(from, to) !== placeholder);
}

/**
 * Returns the masked spans from the offset `from` of `original` on, or undefined if there is no match. `pieces` are the
 * parts of the masked text between its placeholders. Those from `index` on must still be matched. If several matches
 * are possible, returns the shortest spans.
 */
function alignFrom(original: string, pieces: readonly string[], index: number, from: number): Span[] | undefined {
  const piece = pieces[index];
  if (piece === undefined) return from === original.length ? [] : undefined;
  if (index === pieces.length - 1) {
    const at = original.length - piece.length;
    return at > from && original.endsWith(piece) ? [{ from, to: at }] : undefined;
  }
  for (let at = original.indexOf(piece, from + 1); at !== -1; at = original.indexOf(piece, at + 1)) {
    const rest = alignFrom(original, pieces, index + 1, at + piece.length);
    if (rest !== undefined) return [{ from, to: at }, ...rest];
  }
  return undefined;
}

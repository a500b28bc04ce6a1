/**
 * Characters that drive a terminal, reorder text or cannot be seen: C0 but tab and line feed, DEL, C1 (ECMA-48); the line
 * and paragraph separators; the marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX 9); and the
 * invisible format characters but the joiners, which scripts and emoji need. By UTF-16 code units: D800-DFFF come in only
 * where they are alone, and E0000-E007F (tags) as the pairs that stand for them.
 */
const hidden =
  // eslint-disable-next-line no-control-regex -- finding these characters is the point.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

/**
 * Ids, titles and other short texts: no controls, no line ends, no embedding, override or isolate of the text direction.
 * The direction marks stay allowed, since names in scripts from right to left may need them.
 */
// eslint-disable-next-line no-control-regex -- finding these characters is the point.
export const shortTextPattern = /^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/;

/**
 * Text from outside as people may see it: each hidden character becomes its JSON escape, such as `\u202e`, so that JSON stays
 * the same JSON. Line feeds and tabs stay.
 */
export function visibleText(text: string): string {
  return text.replace(hidden, escapeUnits);
}

/** Each hidden character replaced by U+FFFD: for names of files, which a person has to type. */
export function withoutHidden(text: string): string {
  return text.replace(hidden, '\uFFFD');
}

function escapeUnits(character: string): string {
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

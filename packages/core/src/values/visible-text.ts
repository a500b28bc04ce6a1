/**
 * Hidden characters, which control a terminal, reorder text or are invisible:
 * - C0 except tab and line feed, DEL, and C1 (ECMA-48);
 * - the line and paragraph separators;
 * - the marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX 9);
 * - invisible format characters, except the joiners, which scripts and emoji need.
 * The pattern matches UTF-16 code units. The tags E0000-E007F are matched as surrogate pairs.
 */
const hidden =
  // eslint-disable-next-line no-control-regex -- finding these characters is the point.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

/**
 * Pattern of ids, titles and other short texts. They must not contain control characters, line ends, or embeddings,
 * overrides and isolates of the text direction. Direction marks are allowed, because names in right-to-left scripts may
 * need them.
 */
// eslint-disable-next-line no-control-regex -- finding these characters is the point.
export const shortTextPattern = /^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/;

/** Pattern of texts that may have several lines. Tabs and line ends are allowed; otherwise like `shortTextPattern`. */
// eslint-disable-next-line no-control-regex -- finding these characters is the point.
export const linesPattern = /^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/;

/**
 * Returns foreign text that is safe to show to people. Each hidden character is replaced by its JSON escape, such as
 * `\u202e`, so JSON text keeps its meaning. Line feeds and tabs are kept.
 */
export function visibleText(text: string): string {
  return text.replace(hidden, escapeUnits);
}

/** Replaces each hidden character by U+FFFD. Used for file names, which people must be able to type. */
export function withoutHidden(text: string): string {
  return text.replace(hidden, '\uFFFD');
}

function escapeUnits(character: string): string {
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

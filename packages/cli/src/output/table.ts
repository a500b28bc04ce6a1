import { printable } from './printable.ts';

/** Formats rows in aligned columns, below their titles. The last column is not padded. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const clean = [titles, ...rows].map((row) => row.map((cell) => printable(cell).replace(/[\n\t]/g, ' ')));
  const widths = titles.map((_, column) => Math.max(...clean.map((row) => widthOf(row[column] ?? ''))));
  return clean.map((row) => `${line(row, widths)}\n`).join('');
}

/** Formats names and values, one pair on each line, with aligned values. Omits pairs without a value. */
export function facts(entries: readonly (readonly [name: string, value: string | null | undefined])[]): string {
  const known = entries.filter((entry): entry is readonly [string, string] => (entry[1] ?? '') !== '');
  const width = Math.max(0, ...known.map(([name]) => name.length));
  const indent = ' '.repeat(width + 2);
  return known
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value).replaceAll('\n', `\n${indent}`)}\n`)
    .join('');
}

const segmenter = new Intl.Segmenter();

/**
 * Returns the length in displayed characters (grapheme clusters). A code unit is not always one displayed character.
 */
function widthOf(text: string): number {
  return [...segmenter.segment(text)].length;
}

function line(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
    .join('  ')
    .trimEnd();
}

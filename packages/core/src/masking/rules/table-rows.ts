import { secretWord, tailNamesSecret } from '../assignment-names.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import type { TableCell, TableRows } from '../secret-rule.ts';
import { notAfter } from './assignment-syntax.ts';

const columnName = /^[+-]?["'`]?[A-Za-z_][A-Za-z0-9_ .-]{0,40}["'`]?$/;
const secretName = new RegExp(String.raw`${notAfter}${secretWord}(?<tail>[A-Za-z0-9_.-]{0,40})$`, 'i');
const separatorRow = /^[-+|: \t\r]+$/;
const longestRow = 4096;

/** A part of a row: the offsets of its first character and of the character after it. */
type Range = readonly [from: number, to: number];

/** Returns the secret word of each column whose name names a secret. The key is the index of the column. */
function secretColumns(names: readonly string[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  names.forEach((name, index) => {
    const { word, tail = '' } = secretName.exec(name.replaceAll(/["'`\s+]/g, ''))?.groups ?? {};
    if (word !== undefined && tailNamesSecret(word, tail)) found.set(index, word);
  });
  return found;
}

/**
 * Returns a reader for the lines after a header whose columns are separated by one sign. Returns undefined if the header
 * has no such columns or no name of a secret. `separator` is needed if the header has another sign than the rows.
 */
export function delimitedRows(header: string, separator = separatorOf(header)): TableRows | undefined {
  const names = fieldsOf(header, header.includes(separator) ? separator : ',').map(([from, to]) =>
    header.slice(from, to),
  );
  const isOuter = (index: number): boolean => separator === '|' && (index === 0 || index === names.length - 1);
  if (
    names.length < 2 ||
    !names.every((name, index) => columnName.test(name.trim()) || (isOuter(index) && name.trim() === ''))
  )
    return undefined;
  const secrets = secretColumns(names);
  if (secrets.size === 0) return undefined;
  return {
    read: (text) => {
      const lineEnd = text.indexOf('\n');
      if (lineEnd === -1 && text.length >= longestRow) return undefined;
      const length = lineEnd === -1 ? text.length : lineEnd + 1;
      const line = text.slice(0, lineEnd === -1 ? text.length : lineEnd);
      if (separatorRow.test(line)) return { length, cells: [] };
      const fields = fieldsOf(line.replace(/\r$/, ''), separator);
      // A list can look like a table with a header. In such a list, a line repeats a word of the supposed header, and
      // the table ends.
      const isRepeated = fields.some(([from, to], index) => to > from && line.slice(from, to) === names[index]);
      return fields.length === names.length && !isRepeated
        ? { length, cells: cellsOf(line, fields, secrets) }
        : undefined;
    },
  };
}

/** Returns the sign that separates the columns of a header, which is the most frequent one. */
function separatorOf(header: string): string {
  const count = (sign: string): number => header.split(sign).length;
  return [',', ';', '\t', '|'].reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

/** Splits a line at its separators. A separator between double quotes belongs to a field. */
function fieldsOf(line: string, separator: string): Range[] {
  const fields: Range[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '"') isQuoted = !isQuoted;
    else if (line[at] === separator && !isQuoted) {
      fields.push([from, at]);
      from = at + 1;
    }
  }
  return [...fields, [from, line.length]];
}

/**
 * Returns a reader for the rows of an SQL statement, which are enclosed in parentheses. Returns undefined if no column
 * has the name of a secret.
 */
export function tupleRows(columns: string): TableRows | undefined {
  const secrets = secretColumns(columns.split(','));
  if (secrets.size === 0) return undefined;
  return {
    read: (text) => {
      const lead = /^(?:[\s,]|\\[nrt])*\(/.exec(text)?.[0].length ?? 0;
      const tuple = lead === 0 ? undefined : tupleAt(text, lead);
      return tuple && { length: tuple.end, cells: cellsOf(text, tuple.values, secrets) };
    },
  };
}

/** Reads the values of a row up to its closing parenthesis. Commas and parentheses in strings and calls are part of a value. */
function tupleAt(text: string, start: number): { readonly values: readonly Range[]; readonly end: number } | undefined {
  const values: Range[] = [];
  let from = start;
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at += 1) {
    const sign = text[at] ?? '';
    if (quote !== '') {
      if (sign === '\\') at += 1;
      else if (sign === quote) quote = '';
    } else if (sign === "'" || sign === '"') quote = sign;
    else if (sign === '(') depth += 1;
    else if (depth === 0 && (sign === ',' || sign === ')')) {
      values.push([from, at]);
      from = at + 1;
      if (sign === ')') return { values, end: from };
    } else if (sign === ')') depth -= 1;
  }
  return undefined;
}

/** Characters that may surround a value in its field. */
const around = new Set(' \t\r\n"\'`*');
/** Matches the prefix of a string in SQL, with the opening quote. */
const stringPrefix = /^[A-Za-z_]{1,8} ?["']/;

/**
 * Returns the fields in the columns of secrets, without blanks, quotes and the prefix of a string. A field of which a part
 * was masked is left out.
 */
function cellsOf(text: string, fields: readonly Range[], secrets: ReadonlyMap<number, string>): TableCell[] {
  const cells: TableCell[] = [];
  for (const [index, word] of secrets) {
    let [from, to] = fields[index] ?? [0, 0];
    if (text.slice(from, to).includes(maskPlaceholder)) continue;
    while (from < to && around.has(text[from] ?? '')) from += 1;
    while (from < to && around.has(text[to - 1] ?? '')) to -= 1;
    if (text[to] === "'" || text[to] === '"') from += stringPrefix.exec(text.slice(from, to))?.[0].length ?? 0;
    if (from < to) cells.push({ from, to, word });
  }
  return cells;
}

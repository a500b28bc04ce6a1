const clause =
  /(?<= )(?:with|select|from|left join|inner join|where|order by|limit|for update|update|set|insert into|values|returning)(?= )/g;
/** Matches the places at which a long clause may be wrapped. */
const piece = /(?<=, )|(?<= )(?=(?:and|or|else) )/g;
const width = 100;

/**
 * Returns the statement in a readable form. Each clause begins a line. If the content of parentheses is too long for a
 * line, it is on indented lines of its own. Only white space differs from the input.
 */
export function formatSql(sql: string, indent = ''): string {
  const flat = sql
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll('( ', '(')
    .replaceAll(/,(?=\S)/g, ', ');
  return splitAt(flat, outerMatches(flat, clause))
    .flatMap((text) => wrap(indent + text.trim(), `${indent}  `))
    .map(unfold)
    .join('\n');
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const next of splitAt(text, outerMatches(text, piece))) {
    if (line !== '' && line.length + next.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += next;
  }
  return [...lines, line];
}

/** Divides a line that is too long. The content of its longest parentheses then has its own lines. */
function unfold(line: string): string {
  if (line.length <= width) return line;
  const groups = outerMatches(line, /\(/g).map((open) => ({ open, close: endOfGroup(line, open) }));
  const [longest] = groups.toSorted((a, b) => b.close - b.open - (a.close - a.open));
  if (longest === undefined) return line;
  const indent = /^ */.exec(line)?.[0] ?? '';
  const content = formatSql(line.slice(longest.open + 1, longest.close), `${indent}  `);
  return `${line.slice(0, longest.open + 1)}\n${content}\n${indent}${line.slice(longest.close)}`;
}

function splitAt(text: string, places: readonly number[]): string[] {
  return [0, ...places].map((start, index) => text.slice(start, places[index]));
}

/** Returns the positions of matches outside of parentheses and quotes. */
function outerMatches(text: string, pattern: RegExp): number[] {
  const depths = depthsOf(text);
  return [...text.matchAll(pattern)].map(({ index }) => index).filter((index) => depths[index] === 0);
}

/** Returns the position of the parenthesis that closes the one at `open`. */
function endOfGroup(text: string, open: number): number {
  const depths = depthsOf(text);
  return text.split('').findIndex((character, at) => at > open && character === ')' && depths[at] === depths[open]);
}

/**
 * Returns for each character the number of parentheses and quotes that enclose it. The parenthesis or quote itself has
 * the number of the text around it.
 */
function depthsOf(text: string): number[] {
  let depth = 0;
  let quote = '';
  return text.split('').map((character) => {
    if (quote !== '') {
      if (character !== quote) return depth + 1;
      quote = '';
      return depth;
    }
    if (character === "'" || character === '"') quote = character;
    if (character === ')') depth -= 1;
    return character === '(' ? depth++ : depth;
  });
}

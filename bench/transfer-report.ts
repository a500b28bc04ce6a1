// Formats the results of a transfer run as a table, and compares them with the aims.
export type Measures = ReadonlyMap<string, { readonly median: number; readonly values: readonly number[] }>;

export interface Aim {
  readonly aim: string;
  readonly reached: number;
  readonly wanted: number;
  readonly met: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export function aims(measures: Measures): Aim[] {
  const value = (measure: string, name = 'proofhouse'): number => measures.get(`${measure}|${name}`)?.median ?? NaN;
  const put = value('PUT 64 MiB, MiB/s');
  const rows: readonly (readonly [string, number, number])[] = [
    ['raw PUT beside @tus/server', put / value('PUT 64 MiB, MiB/s', '@tus/server'), 1],
    ['raw PUT beside the bare handler', put / value('PUT 64 MiB, MiB/s', 'bare node:http'), 0.85],
    ['multipart beside raw PUT', value('multipart 64 MiB, MiB/s') / put, 0.8],
    ['64 MiB downloads beside nginx', value('GET 64 MiB, MiB/s') / value('GET 64 MiB, MiB/s', 'nginx'), 0.9],
    ['4 KiB durable uploads/s at 16', value('PUT 4 KiB at 16, /s'), 1500],
    ['4 KiB downloads/s at 16', value('GET 4 KiB at 16, /s'), 10_000],
  ];
  return rows
    .filter(([, reached]) => !Number.isNaN(reached))
    .map(([aim, reached, wanted]) => ({
      aim,
      reached: Math.round(reached * 100) / 100,
      wanted,
      met: reached >= wanted,
    }));
}

/**
 * Returns a table in Markdown, with a row for each measure and a column for each contender. Each cell also contains the
 * ratio of Proofhouse to the contender.
 */
export function report(measures: Measures): string {
  const rows = [...new Set([...measures.keys()].map((key) => key.split('|')[0] ?? ''))];
  const names = [...new Set([...measures.keys()].map((key) => key.split('|')[1] ?? ''))].sort(
    (a, b) => place(a) - place(b),
  );
  const lines = [`| | ${names.join(' | ')} |`, `|---|${names.map(() => '---:|').join('')}`];
  for (const row of rows) {
    const ours = measures.get(`${row}|proofhouse`)?.median;
    const cells = names.map((name) => {
      const found = measures.get(`${row}|${name}`)?.median;
      if (found === undefined) return '';
      const ratio = ours === undefined || name === 'proofhouse' ? '' : ` (${(ours / found).toFixed(2)}x)`;
      return `${Math.round(found).toLocaleString('en')}${ratio}`;
    });
    lines.push(`| ${row} | ${cells.join(' | ')} |`);
  }
  const verdicts = aims(measures).map(
    ({ aim, reached, wanted, met }) =>
      `${met ? 'met   ' : 'MISSED'} ${aim}: ${String(reached)} (aim ${String(wanted)})`,
  );
  return [...lines, '', ...verdicts].join('\n');
}

const columns = ['proofhouse', 'bare node:http', '@tus/server', 'nginx', 'disk', 'sha256'];

function place(name: string): number {
  return columns.indexOf(name);
}

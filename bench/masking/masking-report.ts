// Formats the results of the masking benchmark as tables in Markdown.
import type { RateResults, RateRow } from './measure-rates.ts';
import type { CorpusScore } from './score-corpus.ts';

/** The format of `bench/results/masking.json`. */
export interface MaskingResults {
  readonly at: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly rules: number;
  readonly scores: readonly CorpusScore[];
  readonly rates: RateResults;
}

type Cell = string | number;

export function maskingReport({ at, machine, rules, scores, rates }: MaskingResults): string {
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${String(value)}`);
  const mebibytes = rates.bytes / 2 ** 20;
  return [
    `Measured ${at.slice(0, 10)} with ${String(rules)} rules. ${facts.join(', ')}.`,
    `### Recall and precision\n\n${classTable(scores)}`,
    `### Texts without a secret\n\n${cleanTable(scores)}`,
    `### Rates\n\nMB in a second of processor time. Each input has ${String(mebibytes)} MiB in chunks of 64 KiB; medians of ${String(rates.rounds)} rounds. ` +
      `SHA-256 of the same bytes in the same run: ${shown(rates.sha256)} MB/s. ` +
      `secretlint on a clean log of 2 MiB, as one text: ${shown(rates.secretlint)} MB/s.\n\n${ratesTable(rates)}`,
    `### Memory and known values\n\n${memoryTable(rates)}`,
  ].join('\n\n');
}

export function classTable(scores: readonly CorpusScore[]): string {
  return table(
    ['half', 'class', 'samples', ...names(scores).flatMap((name) => [`${name} recall`, `${name} precision`])],
    halves(scores).flatMap((half) =>
      (['structured', 'context', 'generic'] as const).map((name) => {
        const cells = scores
          .filter((score) => score.half === half)
          .map((score) => score.classes.find((row) => row.class === name));
        const figures = cells.flatMap((row) => [
          percent(row?.recall ?? 0),
          row?.spans === 0 ? 'nothing masked' : `${percent(row?.precision ?? 0)} of ${String(row?.spans)}`,
        ]);
        return [half, name, cells[0]?.samples ?? 0, ...figures];
      }),
    ),
  );
}

export function cleanTable(scores: readonly CorpusScore[]): string {
  return table(
    ['half', 'texts', 'samples', ...names(scores).map((name) => `${name} masked something in`)],
    halves(scores).flatMap((half) =>
      (['placeholder', 'look-alike'] as const).map((name) => {
        const rows = scores
          .filter((score) => score.half === half)
          .map((score) => score.clean.find((row) => row.class === name));
        return [half, name, rows[0]?.samples ?? 0, ...rows.map((row) => row?.masked ?? 0)];
      }),
    ),
  );
}

function ratesTable(rates: RateResults): string {
  const line = ({ name, rate, ofSha256, timesCleanLog, heldBytes }: RateRow): Cell[] => [
    name,
    shown(rate),
    ofSha256 === undefined ? '' : ofSha256.toFixed(3),
    timesCleanLog.toFixed(2),
    heldBytes.toLocaleString('en'),
  ];
  return table(
    ['input', 'MB/s', 'ratio to SHA-256', 'times the time of a clean log', 'bytes held back, at most'],
    [...rates.ordinary, ...rates.hostile].map(line),
  );
}

function memoryTable({ known, memoryGrowthMiB }: RateResults): string {
  return table(
    ['measure', 'reached', 'wanted'],
    [
      [
        'growth of the peak of the resident memory while 1 GiB of clean log passes, MiB',
        memoryGrowthMiB.toFixed(1),
        '',
      ],
      [`set of ${known.values.toLocaleString('en')} known values: time to build, ms`, shown(known.buildMs), '< 200'],
      ['memory of that set, MiB', known.memoryMiB.toFixed(1), '< 50'],
      ['rate on a clean log with that set, ratio to none', known.rateRatio.toFixed(2), '≥ 0.8'],
    ],
  );
}

function names(scores: readonly CorpusScore[]): string[] {
  return [...new Set(scores.map(({ detector }) => detector))];
}

function halves(scores: readonly CorpusScore[]): string[] {
  return [...new Set(scores.map(({ half }) => half))];
}

function table(head: readonly string[], body: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string => `| ${cells.map(String).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...body.map(line)].join('\n');
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

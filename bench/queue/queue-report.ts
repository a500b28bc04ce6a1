// Formats the results of a queue run as tables in Markdown.
import { counted, latencyWorkers } from './queue-aims.ts';
import type { Mode } from './queue-order.ts';
import { find, type Measure, type QueueResults, type Row } from './samples.ts';

type Cell = string | number;

export function queueReport(results: QueueResults): string {
  const { rows } = results;
  const sections = [
    ['Claim and complete, jobs/s', ratesTable(rows, 'ended/s', ['one by one', 'overlapping', 'batches'])],
    ['Enqueue, jobs/s', ratesTable(rows, 'enqueued/s', ['one by one'])],
    ['Claim latency, p50 / p99 in ms', latencyTable(rows)],
    [`A backlog in the same tables, one by one, ${counted(latencyWorkers)}`, backlogTable(rows)],
    ['Processor time over HTTP, share of one core', processorTable(rows)],
    ['Aims', aimsTable(results)],
  ] as const;
  const shownSections = sections.filter(([, body]) => body !== '').map(([title, body]) => `### ${title}\n\n${body}`);
  return [lead(results), ...shownSections].join('\n\n');
}

function aimsTable({ aims }: QueueResults): string {
  const verdict = (met: boolean): string => (met ? 'met' : '**missed**');
  return table(
    ['aim', 'reached', 'wanted', ''],
    aims.map(({ aim, reached, wanted, met }) => [aim, reached, wanted, verdict(met)]),
  );
}

function lead({ machine, rounds, seconds, limits, at }: QueueResults): string {
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${String(value)}`);
  const physical = Object.entries(limits).map(([what, rate]) => `${what} ${shown(rate)}`);
  return [
    `Measured ${at.slice(0, 10)}: ${String(rounds)} rounds, about ${String(seconds)} s a sample. ${facts.join(', ')}.`,
    `Limits of this machine in the same run, per second, one after another: ${physical.join(', ')}.`,
  ].join('\n\n');
}

/** Returns a table in Markdown, or an empty text if there are no rows. */
function table(head: readonly string[], body: readonly (readonly Cell[])[]): string {
  if (body.length === 0) return '';
  const line = (cells: readonly Cell[]): string => `| ${cells.map(String).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...body.map(line)].join('\n');
}

/** Returns the median of the rounds, followed by the lowest and the highest value in brackets. */
function spread(row: Row | undefined): string {
  if (row === undefined) return '';
  return `${shown(row.median)} (${shown(Math.min(...row.values))}–${shown(Math.max(...row.values))})`;
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(value);
}

function ratesTable(rows: readonly Row[], measure: Measure, modes: readonly Mode[]): string {
  const workers = workerCounts(rows);
  const body = contenders(rows).flatMap((contender) =>
    modes.flatMap((mode) => {
      const cells = workers.map((count) =>
        spread(find(rows, { contender, backlog: 0, mode, workers: count, measure })),
      );
      if (cells.every((cell) => cell === '')) return [];
      return [[modes.length === 1 ? contender : `${contender}, ${modeName(contender, mode)}`, ...cells]];
    }),
  );
  return table(['', ...workers.map(counted)], body);
}

function modeName(contender: string, mode: Mode): string {
  if (mode !== 'batches') return mode;
  return contender === 'graphile-worker' ? 'localQueue of 500' : '100 at a time';
}

function latencies(rows: readonly Row[], contender: string, backlog: number, workers: number): string {
  const point = { contender, backlog, mode: 'one by one', workers } as const;
  const [half, most] = [
    find(rows, { ...point, measure: 'claim p50, ms' }),
    find(rows, { ...point, measure: 'claim p99, ms' }),
  ];
  return half === undefined || most === undefined ? '' : `${shown(half.median)} / ${shown(most.median)}`;
}

function latencyTable(rows: readonly Row[]): string {
  const workers = workerCounts(rows);
  const body = contenders(rows)
    .map((contender) => [contender, ...workers.map((count) => latencies(rows, contender, 0, count))])
    .filter((cells) => cells.some((cell, index) => index > 0 && cell !== ''));
  return table(['', ...workers.map(counted)], body);
}

function backlogTable(rows: readonly Row[]): string {
  const backlogs = [...new Set(rows.map((row) => row.backlog))].sort((a, b) => a - b);
  const ours = contenders(rows.filter((row) => row.backlog > 0));
  const point = { mode: 'one by one', workers: latencyWorkers } as const;
  const lines = ours.flatMap((contender) => [
    [
      `${contender}, jobs/s`,
      ...backlogs.map((backlog) => spread(find(rows, { ...point, contender, backlog, measure: 'ended/s' }))),
    ],
    [
      `${contender}, claim p50 / p99, ms`,
      ...backlogs.map((backlog) => latencies(rows, contender, backlog, latencyWorkers)),
    ],
    [
      `${contender}, enqueued/s`,
      ...backlogs.map((backlog) => spread(find(rows, { ...point, contender, backlog, measure: 'enqueued/s' }))),
    ],
  ]);
  return table(['', ...backlogs.map((backlog) => (backlog === 0 ? 'none' : backlog.toLocaleString('en')))], lines);
}

function processorTable(rows: readonly Row[]): string {
  const workers = workerCounts(rows);
  const body = contenders(rows.filter((row) => row.measure === 'server CPU, %')).flatMap((contender) =>
    (['caller CPU, %', 'server CPU, %'] as const).map((measure) => [
      `${contender}: ${measure === 'server CPU, %' ? 'server' : 'load generator'}, %`,
      ...workers.map((count) =>
        spread(find(rows, { contender, backlog: 0, mode: 'one by one', workers: count, measure })),
      ),
    ]),
  );
  return table(['', ...workers.map(counted)], body);
}

function contenders(rows: readonly Row[]): string[] {
  return [...new Set(rows.map((row) => row.contender))];
}

function workerCounts(rows: readonly Row[]): number[] {
  return [...new Set(rows.map((row) => row.workers))].sort((a, b) => a - b);
}

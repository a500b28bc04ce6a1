// Measures the Proofhouse queue, graphile-worker, pg-boss and the limits of the machine in one interleaved run: `npm
// run bench:queue -- [--quick] [--only postgres] [--rounds 4] [--write]`. Prints tables and writes
// bench/results/queue.json.
// - `--write` also puts the tables into docs/performance.md.
// - `--report` prints the tables of the last results without measuring.
// - `--quick` and `--only` are for trials, and write nothing.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { measureQueues, type Plan } from './queue/measure-queues.ts';
import { queueReport } from './queue/queue-report.ts';
import type { QueueResults } from './queue/samples.ts';
import { writeSection } from './queue/write-section.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '4' },
  },
});

/** Aborts after SIGINT or SIGTERM, so that all started processes are stopped before this process ends. */
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => stopping.abort(new Error(`Ended by ${name}.`)));

const full: Plan = {
  workers: [1, 8, 32],
  backlogs: [0, 10_000, 1_000_000],
  rounds: Number(options.rounds),
  seconds: 1,
  mostSeconds: 450,
  warmUpJobs: 500,
  only: options.only,
  signal: stopping.signal,
};
/** A short plan to test the benchmark itself. Its figures have little meaning, because nothing is warmed up. */
const quick: Plan = { ...full, workers: [1, 8], backlogs: [0, 10_000], rounds: 1, seconds: 0.1, warmUpJobs: 30 };

const resultsFile = path.join(import.meta.dirname, 'results/queue.json');
const document = path.join(import.meta.dirname, '../docs/performance.md');

async function measure(): Promise<QueueResults> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'proofhouse-queue-'));
  try {
    return await measureQueues(options.quick ? quick : full, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const results = options.report ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as QueueResults) : await measure();
process.stdout.write(`${queueReport(results)}\n`);
const isWhole = !options.quick && options.only === '';
if (isWhole && !options.report) {
  mkdirSync(path.dirname(resultsFile), { recursive: true });
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
}
if (options.write && isWhole) await writeSection(document, 'bench:queue', queueReport(results));

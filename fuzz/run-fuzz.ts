// Runs all fuzz targets in turn: `npm run fuzz -- [--seconds 600] [--only deposit-form,headers] [--keep]`. With
// `--keep`, inputs that reach new code are added to fuzz/corpus/. Without it, the repository stays unchanged.
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { targetNames } from './fuzz-targets.ts';
import { findJazzer } from './jazzer.ts';
import { minimiseCorpus } from './minimise-corpus.ts';
import { keptFolder, runTarget, workFolder, type FuzzOutcome } from './run-target.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: process.env['FUZZ_SECONDS'] ?? '600' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const names = options.only?.split(',') ?? targetNames;
const unknown = names.find((name) => !targetNames.includes(name));
if (unknown !== undefined) throw new Error(`There is no target ${unknown}; there are ${targetNames.join(', ')}.`);
const secondsEach = Math.max(1, Math.floor(Number(options.seconds) / names.length));
if (!Number.isFinite(secondsEach)) throw new Error('--seconds must be a number.');

const jazzer = await findJazzer().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
});
const outcomes: FuzzOutcome[] = [];
for (const name of names) {
  process.stderr.write(`=== ${name}, ${String(secondsEach)} s\n`);
  const outcome = await runTarget(jazzer, name, secondsEach, (text) => void process.stderr.write(text));
  outcomes.push(outcome);
  if (options.keep && outcome.findings.length === 0) {
    const count = await minimiseCorpus(
      name,
      [path.join(workFolder, name, 'corpus'), keptFolder(name)],
      keptFolder(name),
    );
    process.stderr.write(`${name}: ${String(count)} inputs kept\n`);
  }
}
process.stdout.write(`RESULT\n${report(outcomes)}\n`);
if (outcomes.some(({ findings }) => findings.length > 0)) process.exitCode = 1;

function report(all: readonly FuzzOutcome[]): string {
  const rows = all.map(({ name, seconds, executions, edgesBefore, edges, features, inputs, findings }) => {
    const numbers = [seconds, executions, edgesBefore, edges, features, inputs].map((value) =>
      value.toLocaleString('en'),
    );
    const found = findings.map((file) => path.relative(process.cwd(), file)).join('<br>');
    return `| ${[name, ...numbers, found === '' ? 'nothing' : found].join(' | ')} |`;
  });
  const total = all.reduce((sum, { executions }) => sum + executions, 0).toLocaleString('en');
  return [
    '| target | s | executions | edges at the start | edges at the end | features | inputs | found |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
    '',
    `${total} executions together, with Jazzer.js (libFuzzer) on bundles of each parser and what it stands on.`,
  ].join('\n');
}

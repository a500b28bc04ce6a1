// Runs the long checks one after another and writes their results to docs/soak.md: `npm run soak -- [--only
// fleet,million-rows] [--small]`.
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runPart, type SoakOutcome } from './soak/run-part.ts';
import { writeSoakDocument } from './soak/soak-document.ts';
import { soakParts } from './soak/soak-parts.ts';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, small: { type: 'boolean', default: false } },
});
const names = options.only?.split(',') ?? soakParts.map(({ name }) => name);
const unknown = names.find((name) => !soakParts.some((part) => part.name === name));
if (unknown !== undefined) {
  throw new Error(`There is no part ${unknown}; there are ${soakParts.map(({ name }) => name).join(', ')}.`);
}

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());

const document = path.join(import.meta.dirname, '../docs/soak.md');
const outcomes: SoakOutcome[] = [];
for (const part of soakParts.filter(({ name }) => names.includes(name))) {
  process.stdout.write(`\n=== ${part.name}\n`);
  const outcome = await runPart(part, options.small, stopping.signal);
  if (stopping.signal.aborted) throw new Error(`Stopped in ${part.name}.`);
  outcomes.push(outcome);
  // The document is written after each part, so that an interrupted run keeps its results.
  if (!options.small) await writeSoakDocument(document, outcomes);
}
process.stdout.write('\n');
for (const { part, passed, seconds } of outcomes) {
  process.stdout.write(`${passed ? 'passed' : 'FAILED'} ${part.name} (${String(seconds)} s)\n`);
}
if (outcomes.some(({ passed }) => !passed)) process.exitCode = 1;

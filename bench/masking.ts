// Measures how well and how fast secrets are masked: `npm run bench:masking -- [--quick] [--rounds 5] [--write]
// [--failures file]`. Prints tables and writes bench/results/masking.json.
// - `--write` also puts the tables into docs/masking.md.
// - `--report` prints the tables of the last results without measuring.
// - `--quick` measures only the corpus, and writes nothing.
// - `--failures` writes the failures of the development half into a file.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { secretRules } from '@proofhouse/core';
import { makeCorpus } from './masking/corpus/make-corpus.ts';
import { proofhouse, secretlint } from './masking/detectors.ts';
import { failureList } from './masking/failure-list.ts';
import { classTable, cleanTable, maskingReport, type MaskingResults } from './masking/masking-report.ts';
import { measureRates } from './masking/measure-rates.ts';
import { failures, judge, score, type CorpusScore } from './masking/score-corpus.ts';
import { writeSection } from './queue/write-section.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    failures: { type: 'string', default: '' },
  },
});

const resultsFile = path.join(import.meta.dirname, 'results/masking.json');
const document = path.join(import.meta.dirname, '../docs/masking.md');

async function measureCorpus(): Promise<CorpusScore[]> {
  const scores: CorpusScore[] = [];
  for (const half of ['development', 'held-out'] as const) {
    const samples = makeCorpus(half);
    for (const detector of [proofhouse(), secretlint()]) {
      const judged = await judge(detector, samples);
      scores.push(score(detector.name, half, judged));
      if (half === 'development' && detector.name === 'Proofhouse' && options.failures !== '')
        writeFileSync(options.failures, failureList(failures(judged)));
    }
  }
  return scores;
}

async function measure(): Promise<MaskingResults> {
  const load = (os.loadavg()[0] ?? 0).toFixed(2);
  const machine = {
    cores: os.availableParallelism(),
    Linux: os.release(),
    Node: process.version,
    'load average before': load,
  };
  const scores = await measureCorpus();
  process.stdout.write(`${classTable(scores)}\n\n${cleanTable(scores)}\n\n`);
  const rates = await measureRates({ bytes: 64 * 2 ** 20, rounds: Number(options.rounds) });
  return { at: new Date().toISOString(), machine, rules: secretRules.length, scores, rates };
}

if (options.quick) {
  const scores = await measureCorpus();
  process.stdout.write(`${classTable(scores)}\n\n${cleanTable(scores)}\n`);
  for (const { detector, half, excess, weakFamilies } of scores)
    if (detector === 'Proofhouse' && half === 'development')
      process.stdout.write(`${JSON.stringify({ excess, weakFamilies })}\n`);
} else {
  const results = options.report ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as MaskingResults) : await measure();
  const report = maskingReport(results);
  process.stdout.write(`${report}\n`);
  if (!options.report) {
    mkdirSync(path.dirname(resultsFile), { recursive: true });
    writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
  }
  if (options.write) await writeSection(document, 'bench:masking', report);
}

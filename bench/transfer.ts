// Measures uploads and downloads of Proofhouse, of a bare handler, of @tus/server and of nginx. Measures the limits of
// the machine in the same interleaved run: `npm run bench:transfer -- [--rounds 5] [--only proofhouse,nginx]`. Prints a
// table and writes bench/results/transfer.json.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { bare, nginx, proofhouse, tus, type Contender, type StartContender } from './contenders.ts';
import { LoadProcess } from './load-process.ts';
import { diskBytesPerSecond, durableFilesPerSecond, sha256BytesPerSecond, syncsPerSecond } from './physical-limits.ts';
import { aims, median, report, type Measures } from './transfer-report.ts';

const mib = 1024 * 1024;
const largeBytes = 64 * mib;
const smallBytes = 4096;
const largeRepeats = 4;
const smallMs = 1200;
const concurrencies = [1, 16, 64];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    measures: { type: 'string', default: '' },
  },
});
const starters: Readonly<Record<string, StartContender>> = { proofhouse, bare, tus, nginx };

/** The measured values. A key has the form `measure|contender`. */
const samples = new Map<string, number[]>();

function add(measure: string, name: string, value: number): void {
  const key = `${measure}|${name}`;
  samples.set(key, [...(samples.get(key) ?? []), value]);
}

function isWanted(measure: string): boolean {
  return options.measures === '' || options.measures.split(',').some((part) => measure.includes(part));
}

// Writes all dirty pages to disk, so that those of one contender are not written while the next one is measured.
function settleDisk(): void {
  spawnSync('sync');
}

async function sampleLarge(load: LoadProcess, contender: Contender): Promise<void> {
  const wanted = [
    ['PUT 64 MiB, MiB/s', contender.upload(largeBytes)],
    ['multipart 64 MiB, MiB/s', contender.uploadForm?.(largeBytes)],
    ['GET 64 MiB, MiB/s', contender.download?.(largeBytes)],
  ] as const;
  for (const [measure, order] of wanted) {
    if (order === undefined || !isWanted(measure)) continue;
    settleDisk();
    const result = await load.run({ ...order, connections: 1, requests: largeRepeats });
    add(measure, contender.name, result.bytes / mib / (result.ms / 1000));
  }
}

async function sampleSmall(load: LoadProcess, contender: Contender): Promise<void> {
  for (const connections of concurrencies) {
    const wanted = [
      [`PUT 4 KiB at ${String(connections)}, /s`, contender.upload(smallBytes)],
      [`GET 4 KiB at ${String(connections)}, /s`, contender.download?.(smallBytes)],
    ] as const;
    for (const [measure, order] of wanted) {
      if (order === undefined || !isWanted(measure)) continue;
      settleDisk();
      const result = await load.run({ ...order, connections, forMs: smallMs });
      add(measure, contender.name, (result.requests * 1000) / result.ms);
    }
  }
}

async function sampleLimits(folder: string): Promise<void> {
  settleDisk();
  add('PUT 64 MiB, MiB/s', 'disk', (await diskBytesPerSecond(folder, largeBytes * 2)) / mib);
  add('PUT 64 MiB, MiB/s', 'sha256', sha256BytesPerSecond(largeBytes * 4) / mib);
  add('PUT 4 KiB at 1, /s', 'disk', await durableFilesPerSecond(folder, smallBytes, smallMs));
  add('fsync, /s', 'disk', await syncsPerSecond(folder, smallMs));
}

async function run(folder: string): Promise<void> {
  const load = new LoadProcess();
  const contenders: Contender[] = [];
  try {
    const names = options.only === '' ? Object.keys(starters) : options.only.split(',');
    for (const name of names) {
      const start = starters[name];
      if (start === undefined) throw new Error(`There is no contender ${name}.`);
      contenders.push(await start(path.join(folder, name), load, [largeBytes, smallBytes]));
    }
    for (const contender of contenders) await warmUp(load, contender);
    const limits = path.join(folder, 'limits');
    mkdirSync(limits);
    for (let round = 0; round < Number(options.rounds); round++) {
      await sampleLimits(limits);
      // Every second round has the reverse order, so that no contender has an advantage from its position.
      const order = round % 2 === 0 ? contenders : contenders.toReversed();
      for (const contender of order) await sampleLarge(load, contender);
      for (const contender of order) await sampleSmall(load, contender);
      process.stderr.write(`round ${String(round + 1)} of ${options.rounds}\n`);
    }
  } finally {
    await load.stop();
    for (const contender of contenders) await contender.stop();
  }
}

async function warmUp(load: LoadProcess, contender: Contender): Promise<void> {
  await load.run({ ...contender.upload(largeBytes), connections: 1, requests: 2 });
  await load.run({ ...contender.upload(smallBytes), connections: 16, forMs: 800 });
  const download = contender.download?.(smallBytes);
  if (download !== undefined) await load.run({ ...download, connections: 16, forMs: 500 });
}

/** Load average of the machine before the run. Above 1 for each core, the ratios have little meaning. */
const loadBefore = os.loadavg()[0] ?? 0;
const folder = mkdtempSync(path.join(os.tmpdir(), 'proofhouse-bench-'));
try {
  await run(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const measures: Measures = new Map([...samples].map(([key, values]) => [key, { median: median(values), values }]));
process.stdout.write(`${report(measures)}\n\nload average before the run: ${loadBefore.toFixed(1)}\n`);
if (options.only === '' && options.measures === '') {
  const results = path.join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  const machine = { cores: os.availableParallelism(), memoryBytes: os.totalmem(), kernel: os.release(), loadBefore };
  const document = { at: new Date().toISOString(), node: process.version, machine, aims: aims(measures) };
  const rows = Object.fromEntries(
    [...measures].map(([key, { median: middle, values }]) => [
      key,
      { median: round(middle), values: values.map(round) },
    ]),
  );
  writeFileSync(path.join(results, 'transfer.json'), `${JSON.stringify({ ...document, measures: rows }, null, 2)}\n`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

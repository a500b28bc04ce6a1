// Measures how fast the masking stream is, as MB/s and as a ratio to SHA-256 in the same run, and how much memory it needs.
import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { lintSource } from '@secretlint/core';
import { creator as recommended } from '@secretlint/secretlint-rule-preset-recommend';
import { compileSecrets, MaskingStream, secretRules, type KnownValue, type SecretSet } from '@proofhouse/core';
import { median } from '../transfer-report.ts';
import { SeededRandom } from './corpus/seeded-random.ts';
import { hostile, ordinary, type Workload } from './workloads.ts';

const chunkBytes = 65_536;
const megabyte = 1_000_000;
const mebibyte = 2 ** 20;

export interface RateRow {
  readonly name: string;
  readonly rate: number;
  /** Undefined for hostile inputs. */
  readonly ofSha256?: number;
  /** How many times longer the input takes than a clean log of the same size. */
  readonly timesCleanLog: number;
  /** Bytes whose output was not decided, at most. */
  readonly heldBytes: number;
}

export interface KnownValuesResult {
  readonly values: number;
  readonly buildMs: number;
  readonly memoryMiB: number;
  /** The rate on a clean log as a ratio to the rate without known values. */
  readonly rateRatio: number;
}

export interface RateResults {
  readonly bytes: number;
  readonly rounds: number;
  readonly sha256: number;
  readonly ordinary: readonly RateRow[];
  readonly hostile: readonly RateRow[];
  /** secretlint on a clean log of 2 MiB. */
  readonly secretlint: number;
  /** Growth of the resident memory of the process while 1 GiB of clean log passes. */
  readonly memoryGrowthMiB: number;
  readonly known: KnownValuesResult;
}

export async function measureRates({ bytes, rounds }: { bytes: number; rounds: number }): Promise<RateResults> {
  const set = compileSecrets({ rules: secretRules });
  const cleanLog = ordinary[0]?.make(bytes) ?? Buffer.alloc(0);
  pass(set, cleanLog);
  const [known, memoryGrowthMiB] = [measureKnownValues(set, cleanLog, rounds), memoryGrowth(set, cleanLog, bytes)];
  const shas: number[] = [];
  const clean: number[] = [];
  const measured = (workload: Workload): RateRow & { ratios: number[] } => {
    const input = workload.make(bytes);
    const [rates, ratios, times]: [number[], number[], number[]] = [[], [], []];
    let heldBytes = 0;
    for (let round = 0; round < rounds; round++) {
      const sha = rateOf(bytes, () => createHash('sha256').update(input).digest());
      const log = rateOf(bytes, () => pass(set, cleanLog));
      const rate = rateOf(bytes, () => (heldBytes = Math.max(heldBytes, pass(set, input))));
      shas.push(sha);
      clean.push(log);
      rates.push(rate);
      ratios.push(rate / sha);
      times.push(log / rate);
    }
    return { name: workload.name, rate: median(rates), ratios, timesCleanLog: median(times), heldBytes };
  };
  const ordinaryRows = ordinary.map((workload) => {
    const { ratios, ...row } = measured(workload);
    return { ...row, ofSha256: median(ratios) };
  });
  const hostileRows = hostile.map((workload) => {
    const { ratios: _, ...row } = measured(workload);
    return row;
  });
  return {
    bytes,
    rounds,
    sha256: median(shas),
    ordinary: ordinaryRows,
    hostile: hostileRows,
    secretlint: await secretlintRate(cleanLog.subarray(0, 2 * mebibyte).toString()),
    memoryGrowthMiB,
    known,
  };
}

/** Masks the input chunk by chunk. Returns the largest number of bytes that were held back. */
function pass(set: SecretSet, input: Uint8Array): number {
  const stream = new MaskingStream(set);
  let held = 0;
  for (let from = 0; from < input.length; from += chunkBytes) {
    stream.write(input.subarray(from, from + chunkBytes));
    held = Math.max(held, stream.heldBytes);
  }
  stream.end();
  return held;
}

function rateOf(bytes: number, run: () => unknown): number {
  const before = performance.now();
  run();
  return bytes / megabyte / ((performance.now() - before) / 1000);
}

function memoryGrowth(set: SecretSet, cleanLog: Uint8Array, bytes: number): number {
  const passes = Math.ceil(2 ** 30 / bytes);
  collectGarbage();
  const before = process.memoryUsage.rss();
  let most = before;
  for (let index = 0; index < passes; index++) {
    pass(set, cleanLog);
    most = Math.max(most, process.memoryUsage.rss());
  }
  return (most - before) / mebibyte;
}

function measureKnownValues(plain: SecretSet, cleanLog: Uint8Array, rounds: number): KnownValuesResult {
  const random = new SeededRandom(10_000);
  const values: KnownValue[] = Array.from({ length: 10_000 }, (_, index) => ({
    name: `VALUE_${String(index)}`,
    value: random.text('base62', random.integer(8, 64)),
  }));
  compileSecrets({ rules: secretRules, values: values.slice(0, 1000) });
  collectGarbage();
  const before = memoryInUse();
  const start = performance.now();
  const set = compileSecrets({ rules: secretRules, values });
  const buildMs = performance.now() - start;
  collectGarbage();
  const memoryMiB = (memoryInUse() - before) / mebibyte;
  pass(set, cleanLog);
  const ratios = Array.from({ length: rounds }, () => {
    const without = rateOf(cleanLog.length, () => pass(plain, cleanLog));
    return rateOf(cleanLog.length, () => pass(set, cleanLog)) / without;
  });
  return { values: values.length, buildMs, memoryMiB, rateRatio: median(ratios) };
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

async function secretlintRate(text: string): Promise<number> {
  const config = { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: recommended }] };
  const source = { filePath: '/logs/build.log', content: text, ext: '.log', contentType: 'text' as const };
  const before = performance.now();
  await lintSource({ source, options: { config } });
  return text.length / megabyte / ((performance.now() - before) / 1000);
}

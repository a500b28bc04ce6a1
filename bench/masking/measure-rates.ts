// Measures how fast the masking stream is, as MB/s and relative to SHA-256 in the same run. Also measures its memory.
// Times are processor times of this process, so other processes on the machine hardly change the figures.
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
const mebibyte = 2 ** 20;
/**
 * Time limit in ms of one run over an input, so that a slow input does not block the benchmark. The rate then counts
 * only the bytes that were masked in this time.
 */
const longestPassMs = 15_000;

export interface RateRow {
  readonly name: string;
  readonly rate: number;
  /** The rate divided by the rate of SHA-256. Undefined for hostile inputs. */
  readonly ofSha256?: number;
  /** The time for this input, divided by the time for a log of the same size without secrets. */
  readonly timesCleanLog: number;
  /**
   * The largest number of bytes that the masking stream held back, because it could not decide yet whether to mask them.
   */
  readonly heldBytes: number;
}

export interface KnownValuesResult {
  readonly values: number;
  readonly buildMs: number;
  readonly memoryMiB: number;
  /** The rate with known values, divided by the rate without them. Both are measured on a log without secrets. */
  readonly rateRatio: number;
}

export interface RateResults {
  readonly bytes: number;
  readonly rounds: number;
  readonly sha256: number;
  readonly ordinary: readonly RateRow[];
  readonly hostile: readonly RateRow[];
  /** The rate of secretlint on a log of 2 MiB without secrets, in MB per second. */
  readonly secretlint: number;
  /**
   * Growth of the peak of the resident memory while 1 GiB of log without secrets is masked. It is measured after a
   * first 64 MiB.
   */
  readonly memoryGrowthMiB: number;
  readonly known: KnownValuesResult;
}

export async function measureRates({ bytes, rounds }: { bytes: number; rounds: number }): Promise<RateResults> {
  const set = compileSecrets({ rules: secretRules });
  const cleanLog = ordinary[0]?.make(bytes) ?? Buffer.alloc(0);
  pass(set, cleanLog);
  const known = measureKnownValues(set, cleanLog, rounds);
  const memoryGrowthMiB = memoryGrowth(set, cleanLog, bytes);
  const shas: number[] = [];
  const measured = (workload: Workload): RateRow & { ratios: number[] } => {
    const input = workload.make(bytes);
    const [rates, ratios, times]: [number[], number[], number[]] = [[], [], []];
    let heldBytes = 0;
    for (let round = 0; round < rounds; round++) {
      const sha = shaRate(input);
      const log = pass(set, cleanLog).rate;
      const result = pass(set, input);
      shas.push(sha);
      rates.push(result.rate);
      ratios.push(result.rate / sha);
      times.push(log / result.rate);
      heldBytes = Math.max(heldBytes, result.heldBytes);
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

interface Pass {
  /** MB per second of processor time. */
  readonly rate: number;
  /** The largest number of bytes that the masking stream held back at any time. */
  readonly heldBytes: number;
}

/** Masks the input in chunks. Returns the rate and the largest number of bytes held back. */
function pass(set: SecretSet, input: Uint8Array): Pass {
  const stream = new MaskingStream(set);
  const start = process.cpuUsage();
  let [heldBytes, from] = [0, 0];
  while (from < input.length && processorMs(start) < longestPassMs) {
    stream.write(input.subarray(from, from + chunkBytes));
    heldBytes = Math.max(heldBytes, stream.heldBytes);
    from += chunkBytes;
  }
  stream.end();
  return { rate: Math.min(from, input.length) / 1000 / processorMs(start), heldBytes };
}

function shaRate(input: Uint8Array): number {
  const start = process.cpuUsage();
  createHash('sha256').update(input).digest();
  return input.length / 1000 / processorMs(start);
}

function processorMs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Masks the log several times. Returns by how many MiB the peak of the resident memory grows after the first time. */
function memoryGrowth(set: SecretSet, cleanLog: Uint8Array, bytes: number): number {
  const peakOfPass = (): number => {
    const stream = new MaskingStream(set);
    let peak = 0;
    for (let from = 0; from < cleanLog.length; from += chunkBytes) {
      stream.write(cleanLog.subarray(from, from + chunkBytes));
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    stream.end();
    return peak;
  };
  const first = peakOfPass();
  const later = Array.from({ length: Math.ceil(2 ** 30 / bytes) }, peakOfPass);
  return (Math.max(...later) - first) / mebibyte;
}

function measureKnownValues(plain: SecretSet, cleanLog: Uint8Array, rounds: number): KnownValuesResult {
  const random = new SeededRandom(10_000);
  const values: KnownValue[] = Array.from({ length: 10_000 }, (_, index) => ({
    name: `VALUE_${String(index)}`,
    value: random.text('base62', random.integer(8, 64)),
  }));
  const builds = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage();
    compileSecrets({ rules: secretRules, values });
    return processorMs(start);
  });
  collectGarbage();
  const before = memoryInUse();
  const set = compileSecrets({ rules: secretRules, values });
  collectGarbage();
  const memoryMiB = (memoryInUse() - before) / mebibyte;
  pass(set, cleanLog);
  const ratios = Array.from({ length: rounds }, () => {
    const without = pass(plain, cleanLog).rate;
    return pass(set, cleanLog).rate / without;
  });
  return { values: values.length, buildMs: median(builds), memoryMiB, rateRatio: median(ratios) };
}

function memoryInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // One garbage collection finds an unused typed array, and only the next one frees its memory.
  for (let round = 0; round < 3; round++) collect();
}

async function secretlintRate(text: string): Promise<number> {
  const config = { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: recommended }] };
  const source = { filePath: '/logs/build.log', content: text, ext: '.log', contentType: 'text' as const };
  const start = process.cpuUsage();
  await lintSource({ source, options: { config } });
  return text.length / 1000 / processorMs(start);
}

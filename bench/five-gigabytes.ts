// Uploads and downloads 5 GiB through one server: `npm run bench:5gib -- [--gib 5]`. The bytes are generated, so only
// the server stores them. Prints rates, digests and the growth of the server's memory over its idle memory, which must
// stay small.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { proofhouseOrders, startProofhouse } from './contenders.ts';
import type { LoadOrder } from './load-generator.ts';
import { LoadProcess } from './load-process.ts';

const mib = 1024 * 1024;
const gib = 1024 * mib;
const sampleEveryMs = 50;
const aimBytes = 100 * mib;

const { values: options } = parseArgs({ options: { gib: { type: 'string', default: '5' } } });
const sizeBytes = Number(options.gib) * gib;

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

async function peakDuring<T>(pid: number, work: Promise<T>): Promise<{ result: T; peakBytes: number }> {
  let peakBytes = residentBytes(pid);
  const timer = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(pid))), sampleEveryMs);
  try {
    return { result: await work, peakBytes };
  } finally {
    clearInterval(timer);
  }
}

interface Row {
  readonly what: string;
  readonly mibPerSecond: number;
  readonly idleMib: number;
  readonly growthMib: number;
  readonly digestIsRight: boolean;
  readonly met: boolean;
}

async function run(folder: string): Promise<Row[]> {
  const server = await startProofhouse(folder, { AGENT_JOB_ARTIFACT_MAX_BYTES: '6GiB' });
  const load = new LoadProcess();
  const orders = proofhouseOrders(server);
  const rows: Row[] = [];
  const measure = async (what: string, order: Omit<LoadOrder, 'connections'>, sha256?: string) => {
    await sleep(2000);
    const idleBytes = residentBytes(server.pid);
    const work = load.run({ ...order, connections: 1, requests: 1, digest: true });
    const { result, peakBytes } = await peakDuring(server.pid, work);
    const growthMib = Math.round((peakBytes - idleBytes) / mib);
    const stored = result.lastBody === '' ? undefined : (JSON.parse(result.lastBody) as { id: string; digest: string });
    const digestIsRight = stored === undefined ? result.sha256 === sha256 : stored.digest === `sha256:${result.sha256}`;
    rows.push({
      what,
      mibPerSecond: Math.round(result.bytes / mib / (result.ms / 1000)),
      idleMib: Math.round(idleBytes / mib),
      growthMib,
      digestIsRight,
      met: digestIsRight && peakBytes - idleBytes < aimBytes,
    });
    return { id: stored?.id ?? '', sha256: result.sha256 };
  };
  try {
    const raw = await measure('raw PUT', orders.upload(sizeBytes));
    await measure('multipart POST', orders.uploadForm(sizeBytes));
    // The client hashes the downloaded bytes. So the hash of the client limits the rate, and not the server.
    await measure('download', orders.download(raw.id, sizeBytes), raw.sha256);
  } finally {
    await load.stop();
    await server.stop();
  }
  return rows;
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'proofhouse-5gib-'));
try {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < sizeBytes * 2.5) throw new Error(`There is too little room for ${options.gib} GiB twice.`);
  const rows = await run(folder);
  process.stdout.write('| | MiB/s | idle, MiB | growth, MiB | digest |\n|---|---:|---:|---:|---|\n');
  for (const row of rows) {
    const cells = [row.what, row.mibPerSecond, row.idleMib, row.growthMib, row.digestIsRight ? 'right' : 'WRONG'];
    process.stdout.write(`| ${cells.map(String).join(' | ')} |\n`);
  }
  const results = path.join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  writeFileSync(path.join(results, 'five-gigabytes.json'), `${JSON.stringify({ gib: options.gib, rows }, null, 2)}\n`);
  if (rows.some((row) => !row.met)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

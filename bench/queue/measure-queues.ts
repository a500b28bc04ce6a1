// Runs the queue benchmark. Starts all contenders (measured queues), measures them in turn in each round, and stops
// them.
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import Database from 'better-sqlite3';
import pg from 'pg';
import { startPostgres, type RunningPostgres } from '../../scripts/engines/postgres.ts';
import { median } from '../transfer-report.ts';
import { queueAims } from './queue-aims.ts';
import { startContenders, type Contender } from './queue-contenders.ts';
import { appendsPerSecond, tripsPerSecond } from './queue-limits.ts';
import type { Mode } from './queue-order.ts';
import { percentile, rounded, Samples, type QueueResults } from './samples.ts';

export interface Plan {
  readonly workers: readonly number[];
  readonly backlogs: readonly number[];
  readonly rounds: number;
  /** Approximate duration in seconds of one sample, in which jobs are claimed and completed. */
  readonly seconds: number;
  /** Time in seconds after which no further round begins. */
  readonly mostSeconds: number;
  /** Number of jobs that are run before the measurement begins, for each number of workers. */
  readonly warmUpJobs: number;
  /** Measures only contenders whose names contain this text. */
  readonly only: string;
  /** When this signal aborts, the run ends after the current step. */
  readonly signal: AbortSignal;
}

const [fewestJobs, mostJobs] = [100, 20_000];
const limitMs = 500;
/**
 * A sample of batches is shorter than other samples by this factor. Batches complete many jobs per second, so creating
 * the jobs for a full sample would take most of the run.
 */
const batchShare = 0.3;

export async function measureQueues(plan: Plan, folder: string): Promise<QueueResults> {
  const loadBefore = os.loadavg()[0] ?? 0;
  const postgres = await startPostgres();
  const contenders: Contender[] = [];
  try {
    await startContenders({ ...plan, folder, postgres, workers: Math.max(...plan.workers) }, contenders);
    const run = new QueueRun(plan, contenders);
    await run.warmUp();
    const limits = new Map<string, number[]>();
    for (let round = 0; round < plan.rounds && run.mayGoOn(); round++) {
      await sampleLimits(limits, folder, postgres);
      await run.round(round);
    }
    const rows = run.samples.rows();
    return {
      at: new Date().toISOString(),
      machine: { ...(await versions(postgres)), 'load average before': rounded(loadBefore) },
      rounds: run.rounds,
      seconds: plan.seconds,
      limits: Object.fromEntries([...limits].map(([what, values]) => [what, Math.round(median(values))])),
      aims: queueAims(rows),
      rows,
    };
  } finally {
    await Promise.allSettled(contenders.map((contender) => contender.stop()));
    await postgres.stop();
  }
}

class QueueRun {
  readonly samples = new Samples();
  rounds = 0;
  readonly #plan: Plan;
  readonly #contenders: readonly Contender[];
  /**
   * Jobs per second of the last sample, by contender, mode and number of workers. The number of jobs for the next
   * sample is computed from it.
   */
  readonly #pace = new Map<string, number>();
  readonly #endBy: number;

  constructor(plan: Plan, contenders: readonly Contender[]) {
    this.#plan = plan;
    this.#contenders = contenders;
    this.#endBy = performance.now() + plan.mostSeconds * 1000;
  }

  mayGoOn(): boolean {
    return performance.now() < this.#endBy;
  }

  /** Warms up connections, caches and compiled code, and makes a first estimate of the jobs per second. */
  async warmUp(): Promise<void> {
    const { warmUpJobs } = this.#plan;
    for (const workers of this.#plan.workers) {
      for (const contender of this.#contenders) {
        for (const mode of contender.modes) {
          this.#plan.signal.throwIfAborted();
          await contender.run({ kind: 'fill', jobs: warmUpJobs, workers });
          const { ms } = await contender.run({ kind: 'drain', jobs: warmUpJobs, workers, mode });
          this.#pace.set(paceKey(contender, mode, workers), (warmUpJobs * 1000) / ms);
        }
      }
    }
    process.stderr.write('warm\n');
  }

  async round(round: number): Promise<void> {
    // Every second round has the reverse order, so that no contender has an advantage from its position.
    const order = round % 2 === 0 ? this.#contenders : this.#contenders.toReversed();
    for (const workers of this.#plan.workers) {
      for (const contender of order) {
        for (const mode of contender.modes) await this.#sample(contender, mode, workers);
      }
    }
    this.rounds += 1;
    process.stderr.write(`round ${String(round + 1)} of ${String(this.#plan.rounds)}\n`);
  }

  async #sample(contender: Contender, mode: Mode, workers: number): Promise<void> {
    this.#plan.signal.throwIfAborted();
    const key = paceKey(contender, mode, workers);
    const seconds = this.#plan.seconds * (mode === 'batches' ? batchShare : 1);
    const wanted = (this.#pace.get(key) ?? 0) * seconds;
    const least = Math.min(fewestJobs, this.#plan.warmUpJobs);
    const jobs = Math.round(Math.min(mostJobs, Math.max(least, wanted)));
    const { name, backlog, serverPid } = contender;
    const point = { contender: name, backlog, mode, workers };
    const filled = await contender.run({ kind: 'fill', jobs, workers });
    if (mode === 'one by one') this.samples.add({ ...point, measure: 'enqueued/s' }, (jobs * 1000) / filled.ms);
    const before = serverPid === undefined ? 0 : processorMs(serverPid);
    const drained = await contender.run({ kind: 'drain', jobs, workers, mode });
    const rate = (jobs * 1000) / drained.ms;
    this.#pace.set(key, rate);
    this.samples.add({ ...point, measure: 'ended/s' }, rate);
    this.samples.add({ ...point, measure: 'caller CPU, %' }, (drained.cpuMs * 100) / drained.ms);
    if (serverPid !== undefined) {
      const used = processorMs(serverPid) - before;
      this.samples.add({ ...point, measure: 'server CPU, %' }, (used * 100) / drained.ms);
    }
    if (drained.claimMs.length === 0) return;
    this.samples.add({ ...point, measure: 'claim p50, ms' }, percentile(drained.claimMs, 0.5));
    this.samples.add({ ...point, measure: 'claim p99, ms' }, percentile(drained.claimMs, 0.99));
  }
}

function paceKey(contender: Contender, mode: Mode, workers: number): string {
  return JSON.stringify([contender.name, contender.backlog, mode, workers]);
}

/** Returns the processor time of all threads of a process in ms. Linux counts it in hundredths of a second. */
function processorMs(pid: number): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .split(') ')[1]
      ?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function sampleLimits(limits: Map<string, number[]>, folder: string, postgres: RunningPostgres): Promise<void> {
  const measured = {
    'synced appends of 4 KiB': await appendsPerSecond(folder, limitMs),
    '`select 1` on Postgres': await tripsPerSecond(postgres.url, limitMs),
    'rows committed on Postgres': await tripsPerSecond(postgres.url, limitMs, true),
  };
  for (const [what, rate] of Object.entries(measured)) limits.set(what, [...(limits.get(what) ?? []), rate]);
}

async function versions(postgres: RunningPostgres): Promise<Record<string, string | number>> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  await client.end();
  const memory = new Database(':memory:');
  const sqlite = memory.prepare<[], string>('select sqlite_version()').pluck().get() ?? '';
  memory.close();
  return {
    cores: os.availableParallelism(),
    Linux: os.release(),
    Node: process.version,
    Postgres: rows[0]?.server_version ?? '',
    SQLite: sqlite,
  };
}

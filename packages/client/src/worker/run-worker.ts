import { mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError, defaultLeaseSeconds, isAppError } from '@proofhouse/core';
import { pause, systemClock } from '../clock.ts';
import type { ClaimedJob } from '../jobs-api.ts';
import { systemRandom, type Random } from '../random.ts';
import { requireCommand } from './command.ts';
import { runJob, type WorkerParts } from './job-run.ts';
import type { JobOutcome, WorkerOptions, WorkerReport } from './worker-options.ts';

const waitSeconds = 20;
/** A claim that came back empty sooner was not a long poll: some proxy or server does not hold them. */
const shortestPollMs = 1000;
const longestPauseMs = 30_000;

/** A claim whose answer was lost is sent again under its key: the job it was given is ours, not nobody's. */
interface ClaimAttempt {
  key: string;
  failures: number;
}

interface Loop extends WorkerParts {
  readonly random: Random;
}

/**
 * Claims jobs and runs the command for each, until the signal is aborted (or one job has run, with `once`). Wrong
 * options and a credential that is refused are thrown; what happens to a job never is.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerReport> {
  const worker = await prepare(options);
  const report: Record<JobOutcome, number> = { succeeded: 0, failed: 0, stopped: 0, cancelled: 0, lost: 0 };
  const running = new Set<Promise<void>>();
  const attempt: ClaimAttempt = { key: worker.random.idempotencyKey(), failures: 0 };
  try {
    while (!worker.signal.aborted) {
      if (running.size >= (worker.concurrency ?? 1)) {
        await Promise.race(running);
        continue;
      }
      const job = await nextJob(worker, attempt);
      if (job === undefined) continue;
      const run = runJob(worker, job).then((outcome) => {
        report[outcome] += 1;
        running.delete(run);
      });
      running.add(run);
      if (worker.once === true) break;
    }
  } finally {
    await Promise.all(running);
  }
  return report;
}

async function prepare(options: WorkerOptions): Promise<Loop> {
  const workRoot = path.resolve(options.workRoot ?? tmpdir());
  const cwd = path.resolve(options.cwd);
  const isFolder = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new AppError('invalid_request', `${cwd} is not a folder in which the command could run.`);
  await requireCommand(options.command, cwd, options.env['PATH'] ?? '');
  await mkdir(workRoot, { recursive: true });
  return {
    ...options,
    cwd,
    workRoot,
    leaseSeconds: options.leaseSeconds ?? defaultLeaseSeconds,
    graceMs: options.graceMs ?? 10_000,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    log: options.log ?? (() => undefined),
  };
}

async function nextJob(worker: Loop, attempt: ClaimAttempt): Promise<ClaimedJob | undefined> {
  const askedAt = worker.clock.now();
  try {
    const job = await worker.client.jobs.claim(
      {
        leaseSeconds: worker.leaseSeconds,
        waitSeconds,
        allowedTypes: worker.types === undefined ? undefined : [...worker.types],
        workerCapabilities: worker.capabilities === undefined ? undefined : [...worker.capabilities],
      },
      { signal: worker.signal, idempotencyKey: attempt.key, tries: 1 },
    );
    attempt.key = worker.random.idempotencyKey();
    attempt.failures = 0;
    const hurried = job === undefined && worker.clock.now() - askedAt < shortestPollMs;
    if (hurried) await pause(worker.clock, shortestPollMs, worker.signal);
    return job;
  } catch (error) {
    if (worker.signal.aborted) return undefined;
    if (!isAppError(error) || !error.retryable) throw error;
    const ceiling = Math.min(longestPauseMs, 1000 * 2 ** attempt.failures);
    attempt.failures += 1;
    worker.log({ level: 'warn', message: `No job can be claimed: ${error.message} Trying again.` });
    await pause(worker.clock, ceiling * (0.5 + worker.random.fraction() / 2), worker.signal);
    return undefined;
  }
}

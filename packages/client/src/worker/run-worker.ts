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

/** More than the server gives at once. */
const mostJobsAtOnce = 100;

/** A claim whose answer was lost is sent again under its key: the jobs it was given are ours, not nobody's. */
interface ClaimAttempt {
  key: string;
  /** Goes with the key: under the same one the server takes only the same claim. */
  maxJobs: number | undefined;
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
  const slots = worker.once === true ? 1 : (worker.concurrency ?? 1);
  let attempt: ClaimAttempt | undefined;
  try {
    while (!worker.signal.aborted) {
      if (running.size >= slots) {
        await Promise.race(running);
        continue;
      }
      attempt ??= newAttempt(worker, slots - running.size);
      const jobs = await nextJobs(worker, attempt);
      if (jobs === undefined) continue;
      attempt = undefined;
      for (const job of jobs) {
        const run = runJob(worker, job).then((outcome) => {
          report[outcome] += 1;
          running.delete(run);
        });
        running.add(run);
      }
      if (worker.once === true && jobs.length > 0) break;
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

function newAttempt(worker: Loop, free: number): ClaimAttempt {
  const maxJobs = free > 1 ? Math.min(free, mostJobsAtOnce) : undefined;
  return { key: worker.random.idempotencyKey(), maxJobs, failures: 0 };
}

/** Undefined when the claim must be tried again as it was. */
async function nextJobs(worker: Loop, attempt: ClaimAttempt): Promise<readonly ClaimedJob[] | undefined> {
  const askedAt = worker.clock.now();
  try {
    const jobs = await claim(worker, attempt);
    const hurried = jobs.length === 0 && worker.clock.now() - askedAt < shortestPollMs;
    if (hurried) await pause(worker.clock, shortestPollMs, worker.signal);
    return jobs;
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

async function claim(worker: Loop, { key, maxJobs }: ClaimAttempt): Promise<readonly ClaimedJob[]> {
  const { jobs } = worker.client;
  const asked = {
    leaseSeconds: worker.leaseSeconds,
    waitSeconds,
    allowedTypes: worker.types === undefined ? undefined : [...worker.types],
    workerCapabilities: worker.capabilities === undefined ? undefined : [...worker.capabilities],
  };
  const options = {
    signal: worker.signal,
    idempotencyKey: key,
    tries: 1,
    ...(worker.software === undefined ? {} : { headers: { 'user-agent': worker.software } }),
  };
  if (maxJobs !== undefined) return jobs.claimMany({ ...asked, maxJobs }, options);
  const job = await jobs.claim(asked, options);
  return job === undefined ? [] : [job];
}

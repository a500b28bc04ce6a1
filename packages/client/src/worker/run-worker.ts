import { mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError, backOffMs, defaultLeaseSeconds, isAppError } from '@proofhouse/core';
import { pause, systemClock } from '../transport/clock.ts';
import type { ClaimedJob } from '../api/jobs-api.ts';
import { systemRandom, type Random } from '../transport/random.ts';
import { withoutSecrets } from './command/command-environment.ts';
import type { SecretMask } from '../masking/secret-mask.ts';
import { CleanCheckout, type CleanCheckoutParts } from './git/clean-checkout.ts';
import { firstAbort } from './first-abort.ts';
import { requireWork } from './job-work.ts';
import type { WorkerParts } from './held-run.ts';
import { runJob } from './job-run.ts';
import { removeLeftovers } from './leftover-folders.ts';
import { messageOf } from './message-of.ts';
import { retryAfterOf } from '../transport/transport.ts';
import { isPassing } from './passing-trouble.ts';
import { maskedError, maskedLog, maskOf, warnOfMasking } from './worker-mask.ts';
import type { JobOutcome, WorkerLog, WorkerOptions, WorkerReport } from './worker-options.ts';

const waitSeconds = 20;
/**
 * If an empty answer to a claim arrives earlier than after this time (ms), the server or a proxy does not support long
 * polls. The worker then pauses before it claims again.
 */
const shortestPollMs = 1000;
const claimAgain = { firstMs: 1000, maxMs: 30_000 };

/** Largest `maxJobs` of one claim, equal to the limit of the server. */
const mostJobsAtOnce = 100;

/**
 * One claim with its retries. If the answer of a claim was lost, the claim is sent again with the same idempotency key.
 * The server then returns the jobs of the lost answer.
 */
interface ClaimAttempt {
  readonly key: string;
  /**
   * The `maxJobs` of the claim. It must be the same in every retry, because the server accepts a used idempotency key
   * only with an equal claim.
   */
  readonly maxJobs: number | undefined;
  /** True if an earlier claim succeeded. The URL and the credential are then known to be valid. */
  readonly accepted: boolean;
  failures: number;
}

interface Loop extends WorkerParts {
  readonly random: Random;
}

/**
 * Claims jobs and runs a handler or a command for each, until the signal aborts. With `once`, returns after one job.
 * Throws for wrong options and for a refused credential. Never throws because a job failed.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerReport> {
  const mask = await maskOf(options);
  try {
    return await runMasked(options, mask);
  } catch (error) {
    throw maskedError(error, mask);
  }
}

async function runMasked(options: WorkerOptions, mask: SecretMask | undefined): Promise<WorkerReport> {
  const prepared = await prepare(options, mask);
  const drain = drainOf(prepared);
  const worker: Loop = { ...prepared, stop: drain.over };
  const report: Record<JobOutcome, number> = { succeeded: 0, failed: 0, stopped: 0, cancelled: 0, lost: 0 };
  const running = new Set<Promise<void>>();
  const start = (job: ClaimedJob, late: boolean): void => {
    const run = runJob(worker, job, late).then((outcome) => {
      report[outcome] += 1;
      running.delete(run);
    });
    running.add(run);
  };
  const tidied = removeLeftovers(worker.workRoot, worker.log, worker.signal);
  try {
    await claimJobs(worker, running, start);
  } finally {
    await Promise.all(running);
    drain.release();
    await tidied;
    await worker.cleanCheckout?.release().catch(() => undefined);
  }
  return report;
}

async function claimJobs(
  worker: Loop,
  running: ReadonlySet<Promise<void>>,
  start: (job: ClaimedJob, late: boolean) => void,
): Promise<void> {
  const slots = worker.once === true ? 1 : (worker.concurrency ?? 1);
  let accepted = false;
  let attempt: ClaimAttempt | undefined;
  while (!worker.signal.aborted) {
    if (running.size >= slots) {
      await Promise.race(running);
      continue;
    }
    attempt ??= newAttempt(worker, slots - running.size, accepted);
    const { failures } = attempt;
    const askedAt = { monotonic: worker.clock.monotonic(), wall: worker.clock.now() };
    const jobs = await nextJobs(worker, attempt, askedAt.monotonic);
    if (jobs === undefined) continue;
    attempt = undefined;
    if (!accepted) worker.onAccepted?.();
    accepted = true;
    // The time since the claim was sent is measured with both clocks, and the larger value is used. The monotonic clock
    // stands still while the machine is suspended.
    const tookMs = Math.max(worker.clock.monotonic() - askedAt.monotonic, worker.clock.now() - askedAt.wall);
    const late = failures > 0 || tookMs > (worker.leaseSeconds * 1000) / 3;
    for (const job of jobs) start(job, late);
    if (worker.once === true && jobs.length > 0) break;
  }
}

/**
 * Returns a signal that aborts when running commands must end. This is `drainMs` after the abort of `signal`, or at
 * once when `endDrain` aborts.
 */
function drainOf({ signal, drainMs = 0, endDrain, clock, log }: Omit<Loop, 'stop'>): {
  readonly over: AbortSignal;
  release(): void;
} {
  if (drainMs === 0) return { over: signal, release: () => undefined };
  const timeOver = new AbortController();
  let cancel = (): void => undefined;
  const onSignal = (): void => {
    const message = `No more jobs are claimed; commands that run have ${drainMs / 1000} s to end.`;
    log({ level: 'info', message });
    cancel = clock.after(drainMs, () => timeOver.abort());
  };
  if (signal.aborted) onSignal();
  else signal.addEventListener('abort', onSignal, { once: true });
  const over = firstAbort(endDrain === undefined ? [timeOver.signal] : [timeOver.signal, endDrain]);
  return {
    over: over.signal,
    release: () => {
      cancel();
      signal.removeEventListener('abort', onSignal);
      over.release();
    },
  };
}

async function prepare(options: WorkerOptions, mask: SecretMask | undefined): Promise<Omit<Loop, 'stop'>> {
  const workRoot = path.resolve(options.workRoot ?? tmpdir());
  const cwd = path.resolve(options.cwd ?? '.');
  const isFolder = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new AppError('invalid_request', `${cwd} is not a folder in which the command could run.`);
  const types = await requireWork(options, cwd);
  await mkdir(workRoot, { recursive: true });
  const clock = options.clock ?? systemClock;
  const log = maskedLog(unfailing(options.log), mask);
  warnOfMasking(log, mask);
  const cleanCheckout = await recordCheckout(options, { folder: cwd, workRoot, clock });
  return {
    ...options,
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
    types,
    cleanCheckout,
    cwd,
    workRoot,
    leaseSeconds: options.leaseSeconds ?? defaultLeaseSeconds,
    graceMs: options.graceMs ?? 10_000,
    clock,
    random: options.random ?? systemRandom,
    mask,
    log,
  };
}

async function recordCheckout(
  { gitClean = false, inWorkFolder, concurrency = 1, env = {}, signal = new AbortController().signal }: WorkerOptions,
  place: Pick<CleanCheckoutParts, 'folder' | 'workRoot' | 'clock'>,
): Promise<CleanCheckout | undefined> {
  if (gitClean === false) return undefined;
  if (inWorkFolder === true || concurrency > 1) {
    const message =
      '--git-clean is for one job at a time in the folder of the worker: not with --work-folder or --concurrency.';
    throw new AppError('invalid_request', message);
  }
  return CleanCheckout.record({ ...place, env: withoutSecrets(env), discard: gitClean === 'discard' }, signal);
}

/** Returns a log function that never throws, because an error of the log must not end a job. */
function unfailing(log: WorkerLog = () => undefined): WorkerLog {
  return (entry) => {
    try {
      log(entry);
    } catch {
      // A failure of the log cannot be reported.
    }
  };
}

function newAttempt(worker: Loop, free: number, accepted: boolean): ClaimAttempt {
  const maxJobs = free > 1 ? Math.min(free, mostJobsAtOnce) : undefined;
  return { key: worker.random.idempotencyKey(), maxJobs, accepted, failures: 0 };
}

/** Sends the claim. Returns undefined if it must be sent again unchanged. */
async function nextJobs(
  worker: Loop,
  attempt: ClaimAttempt,
  askedAt: number,
): Promise<readonly ClaimedJob[] | undefined> {
  try {
    const jobs = await claim(worker, attempt);
    const hurried = jobs.length === 0 && attempt.accepted && worker.clock.monotonic() - askedAt < shortestPollMs;
    if (hurried) await pause(worker.clock, shortestPollMs, worker.signal);
    return jobs;
  } catch (error) {
    if (worker.signal.aborted) return undefined;
    const passing = attempt.accepted ? isPassing(error) : isAppError(error) && error.retryable;
    if (!passing) throw error;
    // The pause must not be shorter than the `Retry-After` of the server.
    const leastMs = Math.min(claimAgain.maxMs, retryAfterOf(error) ?? 0);
    attempt.failures += 1;
    const delayMs = backOffMs(attempt.failures, claimAgain, { share: 0.5, fraction: () => worker.random.fraction() });
    worker.log({ level: 'warn', message: `No job can be claimed: ${messageOf(error)} Trying again.` });
    await pause(worker.clock, Math.max(leastMs, delayMs), worker.signal);
    return undefined;
  }
}

async function claim(worker: Loop, { key, maxJobs, accepted }: ClaimAttempt): Promise<readonly ClaimedJob[]> {
  const { jobs } = worker.client;
  const asked = {
    leaseSeconds: worker.leaseSeconds,
    // The first claim does not wait for a job, so that a wrong URL or token is reported at once.
    waitSeconds: accepted ? waitSeconds : 0,
    allowedTypes: worker.types === undefined ? undefined : [...worker.types],
    workerCapabilities: worker.capabilities === undefined ? undefined : [...worker.capabilities],
  };
  const options = {
    signal: worker.signal,
    idempotencyKey: key,
    tries: 1,
    onLeftOut: (jobId: string) =>
      worker.log({ level: 'warn', jobId, message: `Job ${jobId} was not taken: it came without its lease.` }),
    ...(worker.software === undefined ? {} : { headers: { 'user-agent': worker.software } }),
  };
  if (maxJobs !== undefined) return jobs.claimMany({ ...asked, maxJobs }, options);
  const job = await jobs.claim(asked, options);
  return job === undefined ? [] : [job];
}

import type { Clock } from '../transport/clock.ts';
import type { ClaimedJob } from '../api/jobs-api.ts';
import type { SecretMask } from '../masking/secret-mask.ts';
import type { Ending } from './ending.ts';
import type { Depositor } from './evidence/depositor.ts';
import type { CleanCheckout } from './git/clean-checkout.ts';
import type { Milestones } from './milestones.ts';
import type { WorkerLog, WorkerOptions } from './worker-options.ts';

/** The options of a worker, with all defaults filled in. */
export interface WorkerParts extends WorkerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly workRoot: string;
  readonly leaseSeconds: number;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: WorkerLog;
  /** Restores the repository before each job. */
  readonly cleanCheckout: CleanCheckout | undefined;
  /**
   * Masks everything that leaves the worker. In a run, it also masks the values that the run added. Undefined if
   * masking is off.
   */
  readonly mask: SecretMask | undefined;
  /** Aborts when running commands must be stopped. */
  readonly stop: AbortSignal;
}

/** One attempt of a job that this worker holds. Handlers and commands are run with it. */
export interface HeldRun {
  readonly worker: WorkerParts;
  readonly job: ClaimedJob;
  readonly milestones: Milestones;
  readonly depositor: Depositor;
  /** Aborts when the work must end: when `lost`, `cancelled` or the worker's `stop` aborts. */
  readonly stop: AbortSignal;
  /** Aborts when cancellation of the job was requested. */
  readonly cancelled: AbortSignal;
  /** Aborts when nothing more may be written to the job. */
  readonly lost: AbortSignal;
}

export interface RunEnd {
  readonly ending: Ending;
  /** The end of the log as plain text, for a failure message. */
  readonly logTail: string;
}

/**
 * Thrown when this machine cannot run any job, for example because its disk is full. The worker must then pause,
 * because otherwise it would claim and fail every job of the queue.
 */
export class BrokenMachine extends Error {}

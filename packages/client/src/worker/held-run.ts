import type { Clock } from '../transport/clock.ts';
import type { ClaimedJob } from '../api/jobs-api.ts';
import type { Ending } from './ending.ts';
import type { Depositor } from './evidence/depositor.ts';
import type { CleanCheckout } from './git/clean-checkout.ts';
import type { Milestones } from './milestones.ts';
import type { WorkerLog, WorkerOptions } from './worker-options.ts';

/** A worker's options with their defaults filled in. */
export interface WorkerParts extends WorkerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly workRoot: string;
  readonly leaseSeconds: number;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: WorkerLog;
  /** Brings the repository back before each job. */
  readonly cleanCheckout: CleanCheckout | undefined;
  /** Aborted: running commands are ended. */
  readonly stop: AbortSignal;
}

/** One attempt of a job, for whoever carries it out. */
export interface HeldRun {
  readonly worker: WorkerParts;
  readonly job: ClaimedJob;
  readonly milestones: Milestones;
  readonly depositor: Depositor;
  /** Aborted when the work has to end: by `lost`, by `cancelled`, or by the worker's own end. */
  readonly stop: AbortSignal;
  /** Aborted when somebody asked for the job to be cancelled. */
  readonly cancelled: AbortSignal;
  /** Aborted when nothing more may be written to the job. */
  readonly lost: AbortSignal;
}

export interface RunEnd {
  readonly ending: Ending;
  /** The last words of the run as plain text, for the message of a failure. */
  readonly logTail: string;
}

/** The machine cannot carry out any job, such as when its disk is full: it must not go through the whole queue. */
export class BrokenMachine extends Error {}

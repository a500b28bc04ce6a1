import { AppError, backOffMs } from '@proofhouse/core';
import type { Change, CommitResult, Commits, Conflict, Precondition } from './commit.ts';
import { systemDelay, type Delay } from './time/delay.ts';

/** What a decision writes; without changes and preconditions there is nothing to write. */
export interface Decided<Result> {
  readonly result: Result;
  readonly changes?: readonly Change[];
  readonly preconditions?: readonly Precondition[];
}

export interface Decision<Read, Result> {
  /** Names the thing in the message of `version_conflict`, as a sentence begins. */
  readonly what: string;
  /** Reads consistently what is decided on. Its errors end the loop. */
  readonly read: () => Promise<Read>;
  /** Pure: it runs again after a conflict. What it throws ends the loop. */
  readonly decide: (read: Read) => Decided<Result>;
  /** The error for a conflict that another try cannot resolve; undefined: decide again. Default: always undefined. */
  readonly refusal?: (conflict: Conflict) => AppError | undefined;
  /** Tries at most. Default: 5. */
  readonly tries?: number;
  /** The error after the last try. Default: `version_conflict`. */
  readonly exhausted?: () => AppError;
}

export interface DecisionParts {
  readonly commits: Commits;
  /** Default: a timer of the system. */
  readonly delay?: Delay | undefined;
  /** At least 0 and less than 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** What was decided, and what the store answered; undefined where there was nothing to write. */
export interface Committed<Result> {
  readonly result: Result;
  readonly done: (CommitResult & { readonly outcome: 'done' }) | undefined;
}

const defaultTries = 5;
const backOff = { firstMs: 10, maxMs: 500 };

/**
 * The one loop of all writes but the queue's hot verbs: reads, decides, commits, and does it again when a record changed
 * between. Waits between tries with full jitter (10 ms, doubled each time, at most 500 ms), so that servers in conflict do
 * not retry at the same time. Every caller's decision passes here, so a row of the audit log that belongs to an operation can
 * be added to its changes in this one place.
 *
 * Errors: those of `read`, `decide` and `refusal`; `version_conflict` after the last try, unless `exhausted` names another.
 */
export async function decideAndCommit<Read, Result>(
  { commits, delay = systemDelay, random = Math.random }: DecisionParts,
  { what, read, decide, refusal, tries = defaultTries, exhausted }: Decision<Read, Result>,
): Promise<Committed<Result>> {
  for (let failures = 0; failures < tries; failures++) {
    if (failures > 0) await delay(1 + Math.floor(backOffMs(failures, backOff, { share: 1, fraction: random })));
    const { result, changes = [], preconditions = [] } = decide(await read());
    if (changes.length === 0 && preconditions.length === 0) return { result, done: undefined };
    const answer = await commits.commit({ changes, preconditions });
    if (answer.outcome === 'done') return { result, done: answer };
    const error = answer.outcome === 'conflict' ? refusal?.(answer.conflict) : undefined;
    if (error !== undefined) throw error;
  }
  throw exhausted?.() ?? new AppError('version_conflict', `${what} keeps changing; try again.`);
}

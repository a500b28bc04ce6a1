import { AppError, backOffMs } from '@proofhouse/core';
import type { Change, CommitResult, Commits, Conflict, Precondition } from './commit.ts';
import { systemDelay, type Delay } from './time/delay.ts';

/** The outcome of a decision. If it has neither changes nor preconditions, nothing is committed. */
export interface Decided<Result> {
  readonly result: Result;
  readonly changes?: readonly Change[];
  readonly preconditions?: readonly Precondition[];
}

export interface Decision<Read, Result> {
  /** Name of what is changed. The message of `version_conflict` begins with it, so its first letter is a capital. */
  readonly what: string;
  /** Reads consistent data for the decision. If it throws, the loop ends with this error. */
  readonly read: () => Promise<Read>;
  /** Decides. Must be pure, because it runs again after a conflict. If it throws, the loop ends with this error. */
  readonly decide: (read: Read) => Decided<Result>;
  /** Returns the error for a conflict that a retry cannot resolve, or undefined to retry. Default: always undefined. */
  readonly refusal?: (conflict: Conflict) => AppError | undefined;
  /** Largest number of tries. Default: 5. */
  readonly tries?: number;
  /** Returns the error to throw after the last try. Default: `version_conflict`. */
  readonly exhausted?: () => AppError;
}

export interface DecisionParts {
  readonly commits: Commits;
  /** Waits between tries. Default: a timer of the system. */
  readonly delay?: Delay | undefined;
  /** Returns the random number for the jitter, at least 0 and less than 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** The result of the decision, with the answer of the store in `done`. `done` is undefined if nothing was committed. */
export interface Committed<Result> {
  readonly result: Result;
  readonly done: (CommitResult & { readonly outcome: 'done' }) | undefined;
}

const defaultTries = 5;
const backOff = { firstMs: 10, maxMs: 500 };

/**
 * Reads, decides and commits. If a record changed between the read and the commit, retries all three steps. All writes
 * except the frequent operations of the queue use this loop. The delay between tries has full jitter (10 ms, doubled
 * each time, at most 500 ms), so that servers in conflict do not retry at the same time. An audit log could be added
 * here as one more row in the changes of every operation.
 *
 * Errors: those of `read`, `decide` and `refusal`. After the last try: `version_conflict`, or the error of `exhausted`.
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

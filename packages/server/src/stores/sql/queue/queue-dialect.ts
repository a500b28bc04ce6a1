import type { BatchLimits } from './call-batcher.ts';
import type { IdempotencyRow, JobEventRow, JobRow, JobState } from '../engine/schema.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import type { Verb } from '../engine/verb.ts';

/**
 * The advisory locks. Among all servers of a database, only one transaction at a time may promote due jobs, and only
 * one may write routes.
 */
export type AdvisoryLock = 'promotion' | 'routes';

/** The routes that match the scope of a claim. */
export interface RouteSet {
  readonly ids: ReadonlySet<string>;
  /**
   * Name of the set of routes. Two sets with the same routes have the same name. Claims with such sets can share one
   * query for candidates.
   */
  readonly name: string;
}

export type JobUpdate = JobState & { readonly id: string };

/**
 * Updates that set the same columns are in one list. The key of the list is the names of these columns, joined by
 * commas.
 */
export type JobUpdates = ReadonlyMap<string, readonly JobUpdate[]>;

/** The operations of the queue that differ between engines by more than syntax. */
export interface QueueDialect extends SqlSyntax {
  /** Limits for batching calls of the same moment (new jobs, claims, decisions about jobs) into one transaction. */
  readonly batchLimits: BatchLimits;

  /**
   * Returns the candidates of a claim: the first `count` claimable jobs of these routes, in claim order. Locks these
   * jobs until the transaction ends. Jobs that another claim has locked are skipped. If the result has fewer than
   * `count` jobs, no further candidate exists.
   */
  claimCandidates(routes: RouteSet, count: number): Verb<JobRow[]>;

  /**
   * Acquires the advisory lock until the transaction ends. If another transaction holds it, `wait` waits and `skip`
   * returns false. Holders never wait for locks on job rows, so no deadlock is possible.
   */
  advisoryLock(lock: AdvisoryLock, others: 'wait' | 'skip'): Verb<boolean>;

  /** Returns true if the error means that a job was not inserted because its route is closed (idle, or without a row). */
  isClosedRoute(error: unknown): boolean;

  /**
   * Inserts new jobs with their first events, and locks the rows of their routes until the transaction ends. Fails if
   * one of the routes is closed (`isClosedRoute`). The columns of a job that are not in `newJobColumns` must be null.
   */
  insertJobs(jobs: readonly JobRow[]): Verb<void>;

  /** Sets columns of jobs that this transaction has locked, and inserts their events. */
  writeJobs(updates: JobUpdates, events: readonly JobEventRow[]): Verb<void>;
  insertEvents(events: readonly JobEventRow[]): Verb<void>;

  /**
   * Inserts the idempotency keys that are absent or expired, in the given order. Returns the names (`nameOfKey`) of the
   * keys that it inserted.
   */
  takeKeys(keys: readonly IdempotencyRow[], now: number): Verb<string[]>;
}

/** An engine that runs the operations of the queue. */
export type QueueEngine = SqlEngine<QueueDialect>;

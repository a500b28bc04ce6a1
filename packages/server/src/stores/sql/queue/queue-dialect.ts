import type { BatchLimits } from './call-batcher.ts';
import type { DueCheck, DueTimesAndCandidates } from './due-times.ts';
import type { IdempotencyRow, JobEventRow, JobRow, JobState } from '../engine/schema.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import type { Verb } from '../engine/verb.ts';

/** Advisory locks. Among all servers, one transaction at a time may promote due jobs, and one may write routes. */
export type AdvisoryLock = 'promotion' | 'routes';

/** The set of routes that match the scope of a claim. */
export interface RouteSet {
  readonly ids: ReadonlySet<string>;
  /** Equal for sets of the same routes, so that claims with such sets can share one query of the queue. */
  readonly name: string;
}

export type JobUpdate = JobState & { readonly id: string };

/** Updates grouped by column set; the key is the comma-joined column names. */
export type JobUpdates = ReadonlyMap<string, readonly JobUpdate[]>;

/**
 * How an engine runs the operations of the queue: the SQL that differs between engines by strategy, not only by syntax.
 */
export interface QueueDialect extends SqlSyntax {
  /** Limits for batching calls of the same moment (new jobs, claims, decisions about jobs) into one transaction. */
  readonly batchLimits: BatchLimits;

  /**
   * Returns the first `count` ready jobs of these routes in claim order, and locks them for this transaction. Jobs that
   * another claim has locked are skipped. A result of fewer than `count` jobs means that no more are ready.
   */
  claimCandidates(routes: RouteSet, count: number): Verb<JobRow[]>;

  /** Reads the due times. If nothing is due, also returns candidates, read at that moment or later. */
  dueTimesAndCandidates(routes: RouteSet, count: number, check: DueCheck): Verb<DueTimesAndCandidates>;

  /**
   * Acquires the lock until the transaction ends. While another transaction holds it, `wait` waits and `skip` returns
   * false. Holders never wait for locks on job rows, so no deadlock is possible.
   */
  advisoryLock(lock: AdvisoryLock, others: 'wait' | 'skip'): Verb<boolean>;

  /** Sets columns of jobs that this transaction has locked, and inserts their events. */
  writeJobs(updates: JobUpdates, events: readonly JobEventRow[]): Verb<void>;
  insertEvents(events: readonly JobEventRow[]): Verb<void>;

  /**
   * Inserts, in this order, those of the idempotency keys that are absent or expired. Returns the names of the inserted
   * keys (`nameOfKey`).
   */
  takeKeys(keys: readonly IdempotencyRow[], now: number): Verb<string[]>;
}

/** An engine that runs the operations of the queue. */
export type QueueEngine = SqlEngine<QueueDialect>;

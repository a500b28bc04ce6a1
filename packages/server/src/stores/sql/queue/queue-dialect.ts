import type { BatchLimits } from './call-batcher.ts';
import type { IdempotencyRow, JobEventRow, JobRow, JobState } from '../engine/schema.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import type { Verb } from '../engine/verb.ts';

/** Advisory locks. Among all servers, one transaction at a time may promote due jobs, and one may write routes. */
export type AdvisoryLock = 'promotion' | 'routes';

/** The set of routes that match the scope of a claim. */
export interface RouteSet {
  readonly ids: ReadonlySet<string>;
  /**
   * Name of the set. Two sets have the same name if they have the same routes, so that claims with such sets can share
   * one query of the queue.
   */
  readonly name: string;
}

export type JobUpdate = JobState & { readonly id: string };

/** Updates grouped by column set; the key is the comma-joined column names. */
export type JobUpdates = ReadonlyMap<string, readonly JobUpdate[]>;

/**
 * The strategy with which an engine runs the operations of the queue. It has the SQL that differs between engines by
 * more than syntax.
 */
export interface QueueDialect extends SqlSyntax {
  /** Limits for batching calls of the same moment (new jobs, claims, decisions about jobs) into one transaction. */
  readonly batchLimits: BatchLimits;

  /**
   * Returns the candidates of a claim: the first `count` claimable jobs of these routes, in claim order. Locks these
   * jobs for this transaction. Jobs that another claim has locked are skipped. A result with fewer than `count` jobs
   * contains all jobs that are left.
   */
  claimCandidates(routes: RouteSet, count: number): Verb<JobRow[]>;

  /**
   * Acquires the lock until the transaction ends. While another transaction holds it, `wait` waits and `skip` returns
   * false. Holders never wait for locks on job rows, so no deadlock is possible.
   */
  advisoryLock(lock: AdvisoryLock, others: 'wait' | 'skip'): Verb<boolean>;

  /** Returns true if the error means that a job was not inserted because its route is closed (idle, or without a row). */
  isClosedRoute(error: unknown): boolean;

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

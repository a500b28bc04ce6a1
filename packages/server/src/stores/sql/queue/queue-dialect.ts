import type { BatchLimits } from './call-batcher.ts';
import type { DueCheck, DueTimesAndCandidates } from './due-times.ts';
import type { IdempotencyRow, JobEventRow, JobRow, JobState } from '../engine/schema.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import type { Verb } from '../engine/verb.ts';

/** Work that one verb at a time may do, among all servers: making due jobs ready; writing routes. */
export type AdvisoryLock = 'promotion' | 'routes';

/** The routes that one claimer may have jobs of. */
export interface RouteSet {
  readonly ids: ReadonlySet<string>;
  /** Equal for sets of the same routes, so that their claimers can share one read of the queue. */
  readonly name: string;
}

export type JobUpdate = JobState & { readonly id: string };

/** Updates grouped by column set; the key is the comma-joined column names. */
export type JobUpdates = ReadonlyMap<string, readonly JobUpdate[]>;

/** How an engine runs the queue's verbs: the SQL that differs in its strategy, not only in its syntax. */
export interface QueueDialect extends SqlSyntax {
  /** How calls of the same moment (new jobs, claims, decisions about jobs) are batched into verbs. */
  readonly batchLimits: BatchLimits;

  /**
   * The first `count` ready jobs of these routes in claim order, locked for this verb. Jobs that another claimer has
   * locked are skipped; fewer than `count` means that there are no more.
   */
  claimCandidates(routes: RouteSet, count: number): Verb<JobRow[]>;

  /** Reads due times and, when nothing is due, candidates as of that moment or a later one. */
  dueTimesAndCandidates(routes: RouteSet, count: number, check: DueCheck): Verb<DueTimesAndCandidates>;

  /**
   * Takes the lock until this verb's transaction ends. While another transaction holds it, `wait` waits and `skip` returns
   * false. Holders never wait for locks of job rows, so no deadlock is possible.
   */
  advisoryLock(lock: AdvisoryLock, others: 'wait' | 'skip'): Verb<boolean>;

  /** Sets columns of jobs that this verb has locked, and inserts their events. */
  writeJobs(updates: JobUpdates, events: readonly JobEventRow[]): Verb<void>;
  insertEvents(events: readonly JobEventRow[]): Verb<void>;

  /** Inserts those of these idempotency keys, in this order, that are absent or expired; returns their names (`nameOfKey`). */
  takeKeys(keys: readonly IdempotencyRow[], now: number): Verb<string[]>;
}

/** An engine that runs the queue's verbs. */
export type QueueEngine = SqlEngine<QueueDialect>;

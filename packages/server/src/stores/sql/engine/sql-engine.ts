import type { HintChannel } from '../../../jobs/job-hints.ts';
import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { SqlSyntax } from './sql-syntax.ts';
import type { VerbFactory, WriteFactory } from './verb.ts';

/**
 * Runs verbs on a database. Errors are `AppError`: `unavailable`, `storage_full`, `internal`. `Dialect`: what the verbs
 * need beside the syntax.
 */
export interface SqlEngine<Dialect extends SqlSyntax = SqlSyntax> {
  readonly dialect: Dialect;
  /** Whether committed rows survive the end of the process. */
  readonly durable: boolean;
  /** Whether no other process writes to the database: rows may be cached as long as this process does not change them. */
  readonly soleWriter: boolean;
  /** The channel between the servers of one database; undefined where there is only one server. */
  readonly hintChannel: HintChannel | undefined;

  /**
   * Runs a verb that only reads, on committed rows, and examines at most some 200 of them: a page of a list. On SQLite it runs
   * on the event loop.
   */
  read<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /** `read` for a few rows that are named by their keys. On Postgres look-ups share a connection, so one that is slow delays others. */
  look<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /**
   * `read` for a verb that may examine more than 200 rows: counts, verification, lists with filters that no index answers. It never
   * delays other verbs: on SQLite it runs in a thread, on Postgres on a pool of its own. All statements of the verb see one
   * snapshot. Few scans run at a time (two), the others wait in order, so a verb must be bounded: it fails with `unavailable` after
   * `scanWithinMs`. On a SQLite database in memory, or a small one, it is `read`. docs/decisions/0017 lists which reads are scans.
   */
  scan<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /** Runs a verb in a transaction of its own; its writes are durable when the promise settles. */
  write<Result>(verb: WriteFactory<Result>): Promise<Result>;

  /** Maintenance that keeps claims fast (on Postgres a vacuum); called at every sweep, never rejects. */
  tidy(): Promise<void>;

  ping(): Promise<void>;
  /** See `MetadataStore.time`. */
  time(): StoreTime;
  now(): Promise<number>;
  /** Waits for verbs under way; no verb may start afterwards. */
  close(): Promise<void>;
}

/** Rows that a `read` may examine. A list that asks for more is a `scan`. */
const mostRowsOfRead = 200;

/** `read` for a list of `limit` rows, or `scan` where those are many. */
export function readUpTo<Result>(engine: SqlEngine, limit: number, verb: VerbFactory<Result>): Promise<Result> {
  return limit > mostRowsOfRead ? engine.scan(verb) : engine.read(verb);
}

import type { HintChannel } from '../../../jobs/job-hints.ts';
import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { SqlSyntax } from './sql-syntax.ts';
import type { VerbFactory, WriteFactory } from './verb.ts';

/**
 * Runs verbs on a database. Errors are `AppError`: `unavailable`, `storage_full`, `internal`. `Dialect` is the SQL
 * syntax of the engine, and may have other methods that the verbs need.
 */
export interface SqlEngine<Dialect extends SqlSyntax = SqlSyntax> {
  readonly dialect: Dialect;
  /** True if committed rows survive the end of the process. */
  readonly durable: boolean;
  /** The channel between the servers of one database. Undefined if the database can have only one server. */
  readonly hintChannel: HintChannel | undefined;

  /**
   * Runs a verb that only reads committed rows, and examines at most about 200 of them, such as a page of a list. On
   * SQLite the verb runs on the event loop. On Postgres it runs on a connection with the planner settings of the
   * server; see `plannerSettings`.
   */
  read<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /**
   * Runs a verb as `read` does, for a few rows that are found by their keys. On Postgres all look-ups share one
   * connection, so a slow look-up delays the others.
   */
  look<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /**
   * Runs a verb that reads as `read` does, but may examine more than 200 rows: counts, verification, lists with filters
   * that no index answers. A scan never delays other verbs: on SQLite it runs in a thread, on Postgres on a connection
   * pool of its own. All statements of the verb see one snapshot. At most two scans run at a time, and further scans
   * wait in order. A scan that takes longer than `scanWithinMs` fails with `unavailable`, so that the next scan can
   * start. On a small SQLite database, and on one in memory, a scan runs like `read`. docs/decisions/0017 lists which
   * reads are scans.
   */
  scan<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /** Runs a verb in its own transaction. The writes of the verb are durable when the promise settles. */
  write<Result>(verb: WriteFactory<Result>): Promise<Result>;

  /** Runs maintenance that keeps claims fast (on Postgres a vacuum). Called at every sweep. Never rejects. */
  tidy(): Promise<void>;

  ping(): Promise<void>;
  /** Returns the current time for transactions; see `MetadataStore.time`. */
  time(): StoreTime;
  now(): Promise<number>;
  /** Waits for running verbs. No verb may start afterwards. */
  close(): Promise<void>;
}

/** Largest number of rows that a `read` may examine. A list with a larger limit must be a `scan`. */
const mostRowsOfRead = 200;

/** Runs a list verb as `read`, or as `scan` if `limit` is above `mostRowsOfRead`. */
export function readUpTo<Result>(engine: SqlEngine, limit: number, verb: VerbFactory<Result>): Promise<Result> {
  return limit > mostRowsOfRead ? engine.scan(verb) : engine.read(verb);
}

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

  /** Runs a verb that only reads, on committed rows. */
  read<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /** As `read`, for a few rows by primary key: a longer read would delay others. */
  look<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /** Runs a verb in a transaction of its own; its writes are durable when the promise settles. */
  write<Result>(verb: WriteFactory<Result>): Promise<Result>;

  /** Maintenance that keeps claims fast (on Postgres a vacuum); called at every sweep, never rejects. */
  tidy(): Promise<void>;

  /** See `MetadataStore.grantReadOnly`. */
  grantReadOnly(role: string): Promise<void>;

  ping(): Promise<void>;
  /** See `MetadataStore.time`. */
  time(): StoreTime;
  now(): Promise<number>;
  /** Waits for verbs under way; no verb may start afterwards. */
  close(): Promise<void>;
}

import type { HintChannel } from '../../../jobs/job-hints.ts';
import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { CredentialMemory } from '../records/credential-memory.ts';
import type { GatheringLimits } from '../queue/call-batcher.ts';
import type { SqlDialect } from '../queue/queue-dialect.ts';
import type { VerbFactory, WriteFactory } from './verb.ts';

/** Runs verbs on a database. Errors are `AppError`: `unavailable`, `storage_full`, `internal`. */
export interface SqlEngine {
  readonly dialect: SqlDialect;
  /** Whether what was written survives the end of the process. */
  readonly durable: boolean;
  /** How servers of one database reach each other; undefined where there is only one. */
  readonly hintChannel: HintChannel | undefined;

  /** Undefined where other servers write to the same database. */
  readonly credentials: CredentialMemory | undefined;

  /** How new jobs, claims, and decisions about jobs, of one moment become verbs. */
  readonly gathering: GatheringLimits;

  /** Runs a verb that only reads, on committed rows. */
  read<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /** The same for a few rows that are named by their keys: what takes longer would hold up others. */
  look<Result>(verb: VerbFactory<Result>): Promise<Result>;
  /** Runs a verb in a transaction of its own; what it wrote is durable when the promise settles. */
  write<Result>(verb: WriteFactory<Result>): Promise<Result>;

  /** Clears away what slows claims down, where there is such a thing; called at every sweep, never fails. */
  tidy(): Promise<void>;

  /** See `MetadataStore.grantReadOnly`. */
  grantReadOnly(role: string): Promise<void>;

  ping(): Promise<void>;
  /** See `MetadataStore.time`. */
  time(): StoreTime;
  now(): Promise<number>;
  /** Waits for what was begun; nothing may be begun afterwards. */
  close(): Promise<void>;
}

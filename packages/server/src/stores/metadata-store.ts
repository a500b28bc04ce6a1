import type { AuditStore } from '../audit/audit-store.ts';
import type { ArtifactStore } from '../artifacts/artifact-store.ts';
import type { ExperimentStore } from '../experiments/experiment-store.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { Cleaner } from '../kernel/in-batches.ts';
import type { BlobOwners } from '../kernel/blob-owners.ts';
import type { Commits } from '../kernel/commit.ts';
import type { HintChannel } from '../jobs/job-hints.ts';
import type { PresenceStore } from '../workers/presence-store.ts';
import type { StoreTime } from '../kernel/time/store-time.ts';
import type { SettingStore } from '../kernel/setting-store.ts';
import type { UserStore } from '../users/user-store.ts';
import type { WorkerStore } from '../workers/worker-store.ts';

/**
 * The store of all state of Proofhouse except bytes. Each engine has one implementation, and all implementations pass
 * `metadata-store.contract.ts`.
 *
 * All errors are `AppError`: `unavailable` (the engine cannot be reached, retry), `storage_full`, `internal`.
 */
export interface MetadataStore extends Commits {
  /** The kind of engine, `sqlite` or `postgres`, for messages. */
  readonly kind: string;
  /** True if committed rows survive the end of the process. */
  readonly durable: boolean;

  readonly jobs: JobStore;
  readonly artifacts: ArtifactStore;
  readonly blobOwners: BlobOwners;
  readonly workers: WorkerStore;
  readonly experiments: ExperimentStore;
  readonly users: UserStore;
  readonly audit: AuditStore;
  readonly settings: SettingStore;
  readonly presence: PresenceStore;
  /** The channel between the servers of one database. Undefined if the database can have only one server. */
  readonly hintChannel: HintChannel | undefined;

  /** The deletions of expired rows. The caller must run them periodically with `inBatches`. */
  readonly cleaners: readonly Cleaner[];

  /** Commits a heartbeat. Resolves if the engine can be reached, and can read and write. */
  ping(): Promise<void>;
  /**
   * Returns the current time for transactions, without a round trip. On Postgres it is an estimate of the database's
   * time: never ahead of it, and at most some milliseconds behind. On other engines it is the time of this process.
   * Used for the times of new records, and to refuse a request before a transaction runs.
   */
  time(): StoreTime;
  /** Reads the engine's clock, epoch ms, to compare it with the clock of this machine. */
  now(): Promise<number>;
  /** Waits for running writes, then releases the engine. */
  close(): Promise<void>;
}

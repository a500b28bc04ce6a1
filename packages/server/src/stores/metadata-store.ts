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
import type { WorkerStore } from '../workers/worker-store.ts';

/**
 * All state of Proofhouse except bytes. Each engine has one implementation; all pass `metadata-store.contract.ts`.
 *
 * Errors are `AppError` only: `unavailable` (cannot be reached, try again), `storage_full`, `internal`.
 */
export interface MetadataStore extends Commits {
  /** `sqlite`, `postgres`: for messages. */
  readonly kind: string;
  /** True if committed rows survive the end of the process. */
  readonly durable: boolean;

  readonly jobs: JobStore;
  readonly artifacts: ArtifactStore;
  readonly blobOwners: BlobOwners;
  readonly workers: WorkerStore;
  readonly experiments: ExperimentStore;
  readonly settings: SettingStore;
  readonly presence: PresenceStore;
  /** The channel between the servers of one database; undefined where there is only one server. */
  readonly hintChannel: HintChannel | undefined;

  /** Deletions of expired rows; the caller runs them periodically with `inBatches`. */
  readonly cleaners: readonly Cleaner[];

  /** Settles when the engine was reached, read and written: it commits a heartbeat. */
  ping(): Promise<void>;
  /**
   * Returns the time by which verbs decide, without a round trip. On Postgres it is the database's, at most some milliseconds behind and
   * never ahead; else it is this process's. For the times of new records, and for refusals before a verb runs.
   */
  time(): StoreTime;
  /** Reads the engine's clock, epoch ms, to compare it with that of this machine. */
  now(): Promise<number>;
  /** Waits for writes under way, then releases the engine. */
  close(): Promise<void>;
}

import type { ArtifactStore } from '../artifacts/artifact-store.ts';
import type { ExperimentStore } from '../experiments/experiment-store.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { Cleaner } from '../kernel/in-batches.ts';
import type { Commits } from '../kernel/commit.ts';
import type { HintChannel } from '../jobs/job-hints.ts';
import type { PresenceStore } from '../workers/presence-store.ts';
import type { StoreTime } from '../kernel/time/store-time.ts';
import type { SettingStore } from '../kernel/setting-store.ts';
import type { WorkerStore } from '../workers/worker-store.ts';

/**
 * Everything Proofhouse remembers but bytes. One implementation an engine; all pass
 * `metadata-store.contract.ts`.
 *
 * Errors are `AppError` only: `unavailable` (cannot be reached, try again), `storage_full`, `internal`.
 */
export interface MetadataStore extends Commits {
  /** `sqlite`, `postgres`: for messages. */
  readonly kind: string;
  /** Whether what was written survives the end of the process. */
  readonly durable: boolean;

  readonly jobs: JobStore;
  readonly artifacts: ArtifactStore;
  readonly workers: WorkerStore;
  readonly experiments: ExperimentStore;
  readonly settings: SettingStore;
  readonly presence: PresenceStore;
  /** How servers of one database tell each other to look again; undefined where there is only one server. */
  readonly hintChannel: HintChannel | undefined;

  /**
   * Lets a role of the database, for reports and people, read every table and column but the hashes of secrets and the
   * values of settings, and nothing else. The role must exist and have no other way to those. It is remembered: every
   * start grants what its migrations added. Granting again is harmless; taking away is the database's own `revoke`
   * (and a forgotten role is granted again at the next start, unless it was dropped).
   * For `proofhouse doctor --grant-readonly <role>`: opens the store of the configured URL, calls this, prints the role,
   * closes; needs no running server and disturbs none.
   * Errors: `not_found` (no such role), `invalid_request` (it reads secrets by other means), `unsupported` (an engine
   * without roles).
   */
  grantReadOnly(role: string): Promise<void>;

  /** Everything that deletes rows past their time, to be run again and again by `inBatches`. */
  readonly cleaners: readonly Cleaner[];

  /** Answers when the engine can be reached, read and written: it writes a heartbeat, durably. */
  ping(): Promise<void>;
  /**
   * The time by which verbs decide, as far as it is known without asking: on Postgres the database's, within some milliseconds and never
   * ahead of it; else this process's. For times of new records and for refusals before the verb decides.
   */
  time(): StoreTime;
  /** The engine's own clock, epoch ms, asked now: to compare it with this machine's. */
  now(): Promise<number>;
  /** Finishes what was begun and lets go of the engine. */
  close(): Promise<void>;
}

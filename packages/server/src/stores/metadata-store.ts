import type { ArtifactStore } from '../artifacts/artifact-store.ts';
import type { ExperimentStore } from '../experiments/experiment-store.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { Commits } from '../kernel/commit.ts';
import type { HintChannel } from '../jobs/job-hints.ts';
import type { PresenceStore } from '../workers/presence-store.ts';
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

  /** Answers when the engine can be reached and read. */
  ping(): Promise<void>;
  /** The engine's own time, epoch ms, to compare with ours. */
  now(): Promise<number>;
  /** Finishes what was begun and lets go of the engine. */
  close(): Promise<void>;
}

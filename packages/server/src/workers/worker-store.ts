import type { CredentialRecord, WorkerRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/** Reads of workers and their credentials; they are written through `Commits`. */
export interface WorkerStore {
  findWorker(workerId: string): Promise<WorkerRecord | undefined>;

  /** Registered in the experiment, oldest first by (createdAt, id), `after` exclusive. Names need not be unique. */
  listWorkers(
    filter: { experimentId: string; name?: string | undefined },
    page: PageRequest,
  ): Promise<Page<WorkerRecord>>;

  /**
   * By the sha256 (lower-case hex) of the token: the one look-up of every authenticated request. A registration token whose
   * epoch is not its worker's does not exist here.
   */
  findCredentialBySecret(secretSha256: string): Promise<CredentialRecord | undefined>;

  findCredential(credentialId: string): Promise<CredentialRecord | undefined>;

  /** Newest first by (createdAt, id). */
  listCredentials(filter: { workerId?: string | undefined }, page: PageRequest): Promise<Page<CredentialRecord>>;

  /** Registration tokens of the worker that are not revoked, newest first: one, unless two were made at the same time. */
  liveRegistrations(workerId: string, limit: number): Promise<CredentialRecord[]>;

  /** Best effort; callers do it at most once an hour for each credential. */
  touchCredential(credentialId: string, usedAt: number): Promise<void>;
}

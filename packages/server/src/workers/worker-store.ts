import type { CredentialRecord, WorkerRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/**
 * The store of workers and their credentials. It only reads, except for `touchCredential`. `Commits` writes the
 * records.
 */
export interface WorkerStore {
  findWorker(workerId: string): Promise<WorkerRecord | undefined>;

  /**
   * Returns the workers that are registered in the experiment, oldest first by (createdAt, id), beginning after
   * `page.after`. Several workers may have the same name.
   */
  listWorkers(
    filter: { experimentId: string; name?: string | undefined },
    page: PageRequest,
  ): Promise<Page<WorkerRecord>>;

  /**
   * Returns the credential whose token has this sha256 (lower-case hex). Every request with a worker token needs this
   * query. Returns undefined for a registration token that was revoked by a reissue (its epoch is not that of its
   * worker).
   */
  findCredentialBySecret(secretSha256: string): Promise<CredentialRecord | undefined>;

  findCredential(credentialId: string): Promise<CredentialRecord | undefined>;

  /** Returns credentials, newest first by (createdAt, id). */
  listCredentials(filter: { workerId?: string | undefined }, page: PageRequest): Promise<Page<CredentialRecord>>;

  /**
   * Returns the registration tokens of the worker that are not revoked, newest first. There is only one, unless two were
   * created at the same time.
   */
  liveRegistrations(workerId: string, limit: number): Promise<CredentialRecord[]>;

  /** Sets `lastUsedAt`. The caller ignores errors. Called at most once an hour for each credential. */
  touchCredential(credentialId: string, usedAt: number): Promise<void>;
}

import { isAppError, type JobArtifact } from '@proofhouse/core';
import type { ClaimedJob } from '../../api/jobs-api.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';
import type { Evidence } from './evidence.ts';
import { uploadPieces, type ArtifactAbout } from './file-upload.ts';

export interface DepositorParts {
  readonly client: ProofhouseClient;
  readonly job: ClaimedJob;
  /** Aborted when nothing more may be written to the job. */
  readonly lost: AbortSignal;
  readonly evidence: Evidence;
}

/** Deposits artifacts of one job under its lease, and records the losses. */
export class Depositor {
  readonly evidence: Evidence;
  readonly lost: AbortSignal;
  readonly #client: ProofhouseClient;
  readonly #job: ClaimedJob;

  constructor({ client, job, lost, evidence }: DepositorParts) {
    this.evidence = evidence;
    this.lost = lost;
    this.#client = client;
    this.#job = job;
  }

  /**
   * Uploads the bytes that `read` yields. `read` is called twice, and once more for each retry. Rejects if the server refuses
   * the upload.
   */
  async upload(about: ArtifactAbout & { readonly read: () => AsyncIterable<Uint8Array> }): Promise<JobArtifact> {
    const { id, leaseId } = this.#job;
    const artifact = await uploadPieces(this.#client, id, about, { lease: leaseId, signal: this.lost });
    this.evidence.kept(about.name);
    return artifact;
  }

  /** Runs `action`. A rejection is recorded as a loss of `what`. Only the error of a lost lease is thrown. */
  async attempt(what: string, action: () => Promise<void>, shownAs = what): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.lost.throwIfAborted();
      if (isAppError(error, 'lease_lost')) throw error;
      this.evidence.lose(what, error, shownAs);
    }
  }
}

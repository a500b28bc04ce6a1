import { isAppError, type JobArtifact } from '@proofhouse/core';
import type { ClaimedJob } from '../../api/jobs-api.ts';
import type { SecretMask } from '../../masking/secret-mask.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';
import type { Evidence } from './evidence.ts';
import { requireCleanName, uploadMasked, type ArtifactAbout, type DepositContent } from './masked-upload.ts';

export interface DepositorParts {
  readonly client: ProofhouseClient;
  readonly job: ClaimedJob;
  /** Aborts when nothing more may be written to the job. */
  readonly lost: AbortSignal;
  readonly evidence: Evidence;
  /** Undefined if everything must be deposited unchanged. */
  readonly mask: SecretMask | undefined;
  /** True if contents that are not text are deposited without a scan for secrets. */
  readonly allowBinary?: boolean | undefined;
  /** Folder for temporary files. */
  readonly workRoot: string;
}

/** Deposits artifacts of one job under its lease. Masks them, and records the losses. */
export class Depositor {
  readonly evidence: Evidence;
  readonly lost: AbortSignal;
  readonly #parts: DepositorParts;

  constructor(parts: DepositorParts) {
    this.evidence = parts.evidence;
    this.lost = parts.lost;
    this.#parts = parts;
  }

  /**
   * Uploads a content with its secrets masked. Rejects if masking fails, or if the server refuses the upload. Rejects
   * with `secret_found` if a secret is in the name, or in a content that is not text.
   */
  async upload(about: ArtifactAbout, content: DepositContent): Promise<JobArtifact> {
    const { client, job, mask, allowBinary = false, workRoot: scratch, lost: signal } = this.#parts;
    const masking = { mask, allowBinary, scratch };
    const options = { lease: job.leaseId, signal, masking };
    const { artifact, unscanned } = await uploadMasked(client, job.id, about, content, options);
    this.evidence.kept(about.name);
    for (const line of unscanned) this.evidence.note(`${about.name}: ${line}`);
    return artifact;
  }

  /** Throws `secret_found` if the name of a file contains a secret. */
  requireCleanName(name: string): void {
    requireCleanName(name, this.#parts.mask);
  }

  /** Runs `action`. If it rejects, records a loss of `what`. Throws only if the lease is lost. */
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

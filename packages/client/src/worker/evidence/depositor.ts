import { AppError, isAppError, type JobArtifact, type MaskingReceipt } from '@proofhouse/core';
import type { ClaimedJob } from '../../api/jobs-api.ts';
import { maskContent, type ContentUse } from '../../masking/mask-content.ts';
import type { Content } from '../../masking/scan-content.ts';
import type { SecretMask } from '../../masking/secret-mask.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';
import type { Evidence } from './evidence.ts';
import { uploadMeasured, type ArtifactAbout } from './file-upload.ts';
import { metadataWithReceipt } from './receipt-metadata.ts';

export interface DepositorParts {
  readonly client: ProofhouseClient;
  readonly job: ClaimedJob;
  /** Aborted when nothing more may be written to the job. */
  readonly lost: AbortSignal;
  readonly evidence: Evidence;
  /** Undefined to deposit everything unchanged. */
  readonly mask: SecretMask | undefined;
  /** True to deposit contents that are not text without scanning them for secrets. */
  readonly allowBinary?: boolean | undefined;
  /** Folder for temporary files. */
  readonly workRoot: string;
}

export interface DepositContent extends Content {
  /**
   * How the content is treated. `text` is masked. `exact` is scanned for secrets and never changed. With the default,
   * `detect`, the bytes decide.
   */
  readonly use?: ContentUse | undefined;
  /** Receipt (the number of masked values by rule) of an earlier masking. It is added to the receipt in the metadata. */
  readonly masked?: MaskingReceipt | undefined;
}

/** Deposits artifacts of one job under its lease, masks them, and records the losses. */
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
   * Uploads a content. The content is read three times, and once more for each retry. Rejects if masking fails, or if the
   * server refuses the upload. Rejects with `secret_found` if a secret is in the name, or in a content that is not text.
   */
  async upload(about: ArtifactAbout, { use = 'detect', masked, ...content }: DepositContent): Promise<JobArtifact> {
    const { client, job, mask, allowBinary = false, workRoot: scratch, lost: signal } = this.#parts;
    this.requireCleanName(about.name);
    const { unscanned, receipt, ...bytes } = await maskContent(content, use, { mask, allowBinary, scratch, signal });
    const metadata = metadataWithReceipt(mask?.json(about.metadata) ?? about.metadata, [masked, receipt]);
    const { title, contentType } = about;
    const texts = { title: title && mask?.text(title), contentType: contentType && mask?.text(contentType) };
    const upload = { ...about, ...(mask === undefined ? {} : texts), metadata, ...bytes };
    const artifact = await uploadMeasured(client, job.id, upload, { lease: job.leaseId, signal });
    this.evidence.kept(about.name);
    for (const line of unscanned) this.evidence.note(`${about.name}: ${line}`);
    return artifact;
  }

  /** Throws `secret_found` if the name of a file contains a secret. */
  requireCleanName(name: string): void {
    const { mask } = this.#parts;
    if (mask?.finds(name) === true) throw new AppError('secret_found', 'its name contains a secret');
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

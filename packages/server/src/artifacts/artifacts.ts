import {
  AppError,
  actorOf,
  artifactTypeOf,
  baseName,
  checkFence,
  foldersOf,
  may,
  normalizeArtifactName,
  type ArtifactRecord,
  type ArtifactType,
  type Fence,
  type JobRecord,
  type Principal,
  type StorageProvider,
} from '@proofhouse/core';
import type { Blobs, OpenedBlob, StagedBlob } from '@proofhouse/blobs';
import type { JobHints } from '../jobs/job-hints.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Clock } from '../kernel/clock.ts';
import { idempotencyLifeMs, type Change, type Commits, type Conflict, type Precondition } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Meter } from '../kernel/meter.ts';
import { decodeCursor, encodeCursor } from '../kernel/page.ts';
import { sha256Hex } from '../kernel/secret.ts';
import type { ArtifactStore } from './artifact-store.ts';
import type { JobView } from './job-view.ts';

/** The right to add to a job, as far as it can be decided before the bytes arrive. */
export interface UploadPermit {
  readonly job: JobRecord;
  /** The worker's fence; undefined for operators and the admin, who may add to any job. */
  readonly fence: Fence | undefined;
  readonly principal: Principal;
  readonly maxBytes: number;
}

/** What describes an upload, already parsed; the bytes come separately. */
export interface UploadDescription {
  /** As the caller wrote it. */
  readonly name: string;
  readonly contentType: string;
  /** Lower-case hex, when the caller said what the bytes must be. */
  readonly sha256?: string | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface ArtifactsParts {
  readonly store: ArtifactStore;
  readonly commits: Commits;
  readonly blobs: Blobs;
  readonly jobs: Jobs;
  readonly jobView: JobView;
  readonly hints: JobHints;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly provider: StorageProvider;
  readonly meter?: Meter | undefined;
  /** Bytes of one job artifact. */
  readonly maxBytes: number;
}

/** Artifact records and their bytes: what jobs leave behind. */
export class Artifacts {
  readonly #parts: ArtifactsParts;

  constructor(parts: ArtifactsParts) {
    this.#parts = parts;
  }

  /**
   * Decides what job, credential and lease decide, before any byte is read. A worker must hold the
   * job. Errors: `job_not_found`, `lease_lost`, `job_state_conflict`, `worker_not_authorized`.
   */
  async permitUpload(principal: Principal, jobId: string, leaseId: string | undefined): Promise<UploadPermit> {
    const job = await this.#parts.jobs.require(jobId);
    const maxBytes = this.#parts.maxBytes;
    if (principal.kind !== 'worker') return { job, fence: undefined, principal, maxBytes };
    const fence = { workerId: principal.workerId, leaseId };
    const refusal = checkFence(job, fence, this.#parts.clock.now());
    if (refusal !== undefined) throw uploadRefusal(refusal);
    return { job, fence, principal, maxBytes };
  }

  /** Refuses a name that can never be taken, before the bytes arrive. Errors: `invalid_artifact_name`. */
  checkName(name: string): void {
    normalizeArtifactName(name);
  }

  /** Takes the bytes aside, hashed and capped; nothing is visible yet. Errors: `artifact_too_large`, `storage_full`. */
  stage(permit: UploadPermit, source: AsyncIterable<Uint8Array>): Promise<StagedBlob> {
    return this.#parts.blobs.stage(source, { maxBytes: permit.maxBytes });
  }

  /**
   * Makes staged bytes an artifact of the job: bytes durable first, then the record with its event, in one
   * commit that checks the lease again. On any failure nothing is kept. `created` is false when the
   * idempotency key had made the artifact before.
   *
   * Errors: `invalid_artifact_name`, `digest_mismatch`, `lease_lost`, `job_state_conflict`,
   * `worker_not_authorized`, `job_not_found`, `idempotency_conflict`.
   */
  async add(
    permit: UploadPermit,
    staged: StagedBlob,
    about: UploadDescription,
  ): Promise<{ artifact: ArtifactRecord; created: boolean }> {
    let artifact: ArtifactRecord;
    try {
      const name = normalizeArtifactName(about.name);
      if (about.sha256 !== undefined && about.sha256 !== staged.sha256)
        throw digestMismatch(about.sha256, staged.sha256);
      const blob = await staged.commit();
      artifact = this.#record(permit, name, about, blob);
    } catch (error) {
      await staged.discard();
      throw error;
    }
    const kept = await this.#commit(permit, artifact, about.idempotencyKey);
    if (kept.created) {
      this.#parts.meter?.uploaded(artifact.blob.sizeBytes);
      await this.#parts.jobView.show(artifact);
    }
    return kept;
  }

  /** Every version of every artifact of the job, newest first; a worker that does not hold it sees its own. */
  async list(
    principal: Principal,
    jobId: string,
    query: { name?: string | undefined; limit: number; cursor?: string | undefined },
  ) {
    const job = await this.#parts.jobs.require(jobId);
    const seesAll = may(principal, 'job.read', { kind: 'job', status: job.status, claimedBy: job.claimedBy });
    const name = query.name === undefined ? undefined : normalizeArtifactName(query.name);
    const filter = { jobId, name, createdBy: seesAll ? undefined : actorOf(principal) };
    const after = decodeCursor(filter, query.cursor);
    const page = await this.#parts.store.listOfJob(filter, { limit: query.limit, after });
    const items = page.items.filter((artifact) => mayRead(principal, artifact, job));
    return { items, nextCursor: page.next === undefined ? null : encodeCursor(filter, page.next) };
  }

  /** Errors, in this order: `job_not_found`, `artifact_not_found`, `artifact_job_mismatch`, `forbidden`. */
  async getOfJob(principal: Principal, jobId: string, artifactId: string): Promise<ArtifactRecord> {
    const job = await this.#parts.jobs.require(jobId);
    const artifact = /^[0-9a-f-]{36}$/.test(artifactId) ? await this.#parts.store.find(artifactId) : undefined;
    if (artifact === undefined) {
      throw new AppError('artifact_not_found', `There is no artifact ${JSON.stringify(artifactId.slice(0, 80))}.`);
    }
    if (artifact.jobId !== jobId) {
      throw new AppError('artifact_job_mismatch', `Artifact ${artifactId} does not belong to job ${jobId}.`);
    }
    if (!mayRead(principal, artifact, job)) {
      throw new AppError('forbidden', `Artifact ${artifactId} was made by another worker.`);
    }
    return artifact;
  }

  /** The artifact's bytes, whole or a range of them. Errors: `integrity_failure`, `unavailable`. */
  async open(artifact: ArtifactRecord, range?: { start: number; end: number }): Promise<OpenedBlob> {
    const opened = await this.#parts.blobs.open(artifact.blob, range);
    if (opened.fingerprint !== artifact.blob.fingerprint) {
      await this.#parts.store.refreshFingerprint(artifact.id, opened.fingerprint);
    }
    return opened;
  }

  async #commit(permit: UploadPermit, artifact: ArtifactRecord, key: string | undefined) {
    const now = artifact.createdAt;
    const idempotency =
      key === undefined
        ? undefined
        : {
            principal: actorOf(permit.principal),
            operation: 'uploadArtifact',
            key,
            fingerprint: sha256Hex(JSON.stringify([artifact.jobId, artifact.name, artifact.blob.sha256])),
            resourceId: artifact.id,
            expiresAt: now + idempotencyLifeMs,
          };
    const result = await this.#parts.commits
      .commit({ changes: changesOf(permit.job, artifact), preconditions: preconditionsOf(permit), idempotency, now })
      .catch(async (error: unknown) => {
        // Whether the commit took effect is not known: the bytes stay, and collection takes them if no row names them.
        this.#parts.logger.error({ err: error, artifactId: artifact.id }, 'artifact commit failed');
        throw error;
      });
    if (result.outcome === 'done') {
      const { id: jobId, status } = permit.job;
      this.#parts.hints.publish({ jobId, seq: result.lastSeqs[jobId] ?? 0, status });
      return { artifact, created: true };
    }
    await this.#drop(artifact);
    if (result.outcome === 'conflict') throw conflictError(result.conflict, artifact);
    const first = await this.#parts.store.find(result.resourceId);
    if (first !== undefined) return { artifact: first, created: false };
    throw new AppError('internal', 'The first upload under this Idempotency-Key cannot be found.');
  }

  async #drop(artifact: ArtifactRecord): Promise<void> {
    try {
      await this.#parts.blobs.delete(artifact.blob.key);
    } catch (error) {
      this.#parts.logger.warn(
        { err: error, blobKey: artifact.blob.key },
        'a blob that no record names is left for collection',
      );
    }
  }

  #record(permit: UploadPermit, name: string, about: UploadDescription, blob: ArtifactRecord['blob']): ArtifactRecord {
    const now = this.#parts.clock.now();
    return {
      id: this.#parts.ids.uuid(),
      uri: this.#parts.ids.artifactUri(),
      type: about.type ?? artifactTypeOf(name),
      title: about.title ?? name.slice(0, 500),
      status: 'draft',
      storageProvider: this.#parts.provider,
      filename: baseName(name),
      contentType: about.contentType,
      blob,
      dataClass: 'internal',
      visibility: 'internal',
      sourceType: permit.principal.kind === 'worker' ? 'assistant-output' : 'manual-upload',
      jobId: permit.job.id,
      name,
      experimentId: null,
      createdBy: actorOf(permit.principal),
      tags: about.tags ?? [],
      metadata: about.metadata ?? {},
      pinnedAt: null,
      purgedAt: null,
      version: 1,
      createdAt: now,
      updatedAt: now,
    };
  }
}

function changesOf(job: JobRecord, artifact: ArtifactRecord): Change[] {
  const name = artifact.name ?? '';
  return [
    ...foldersOf(name).map((path): Change => ({ kind: 'take-path', jobId: job.id, path, as: 'folder' })),
    { kind: 'take-path', jobId: job.id, path: name, as: 'file' },
    { kind: 'add-artifact', artifact },
    {
      kind: 'append-event',
      jobId: job.id,
      event: {
        kind: 'artifact_uploaded',
        level: 'info',
        message: `Artifact ${name.slice(0, 200)} (${String(artifact.blob.sizeBytes)} bytes).`,
        payload: { artifactId: artifact.id, sizeBytes: artifact.blob.sizeBytes, type: artifact.type },
      },
    },
  ];
}

function preconditionsOf(permit: UploadPermit): Precondition[] {
  const jobId = permit.job.id;
  return permit.fence === undefined
    ? [{ kind: 'job-exists', jobId }]
    : [{ kind: 'job-held', jobId, fence: permit.fence }];
}

function mayRead(principal: Principal, artifact: ArtifactRecord, job: JobRecord): boolean {
  return may(principal, 'artifact.read', {
    kind: 'artifact',
    createdBy: artifact.createdBy,
    dataClass: artifact.dataClass,
    job: { kind: 'job', status: job.status, claimedBy: job.claimedBy },
  });
}

function conflictError(conflict: Conflict, artifact: ArtifactRecord): AppError {
  switch (conflict.kind) {
    case 'fence':
      return uploadRefusal(conflict.refusal);
    case 'job-missing':
      return new AppError('job_not_found', `Job ${conflict.jobId} is gone.`);
    case 'idempotency':
      return new AppError('idempotency_conflict', 'This Idempotency-Key was used for another upload; use a new one.');
    case 'path':
      return new AppError(
        'invalid_artifact_name',
        `The artifact name ${JSON.stringify(artifact.name)} is not allowed: ${JSON.stringify(conflict.path)} is a ${conflict.is} in this job already.`,
        { errors: [{ path: 'name', message: 'a name cannot be a file and a folder' }] },
      );
    case 'version':
      return new AppError('version_conflict', 'The record changed meanwhile; try again.');
  }
}

// On uploads the contract calls a job held by somebody else by the worker's name, not the job's.
function uploadRefusal(refusal: { code: AppError['code']; message: string }): AppError {
  const code = refusal.code === 'job_ownership_mismatch' ? 'worker_not_authorized' : refusal.code;
  return new AppError(code, refusal.message);
}

function digestMismatch(expected: string, actual: string): AppError {
  return new AppError('digest_mismatch', `The bytes have the digest sha256:${actual}, not sha256:${expected}.`, {
    details: { expected: `sha256:${expected}`, actual: `sha256:${actual}` },
  });
}

import {
  AppError,
  actorOf,
  artifactTypeOf,
  baseName,
  checkFence,
  foldersOf,
  normalizeArtifactName,
  ownedBlob,
  type ArtifactRecord,
  type ArtifactType,
  type Fence,
  type FirstStatus,
  type JobRecord,
  type Principal,
} from '@proofhouse/core';
import type { JobHints } from '../jobs/job-hints.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { exists, insert, type Change, type Conflict, type Precondition } from '../kernel/commit.ts';
import { meetsConditions, type EntityConditions } from '../kernel/entity-conditions.ts';
import type { Ids } from '../kernel/ids.ts';
import type { ArtifactIntake, Repetition, StagedUpload, StoredBytes } from './artifact-intake.ts';
import type { ArtifactStore } from './artifact-store.ts';
import type { JobView } from './job-view.ts';
import { newArtifact } from './new-artifact.ts';
import type { CheckedText } from '../secrets/checked-text.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';

/** Permission to upload an artifact to a job. `JobUploads.permitUpload` returns it before the bytes are read. */
export interface UploadPermit {
  readonly job: JobRecord;
  /** The id of the uploading worker and the lease that it names. Undefined for operators and the admin, who need no lease. */
  readonly fence: Fence | undefined;
  readonly principal: Principal;
  readonly maxBytes: number;
}

/** Description of an artifact upload. The bytes are passed separately. */
export interface UploadDescription {
  /** The artifact name as the caller wrote it, not yet normalized. */
  readonly name: string;
  readonly contentType: string;
  /** The digest that the caller expects, in lower-case hex. */
  readonly sha256?: string | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly status?: FirstStatus | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Conditions (If-Match, If-None-Match) on the newest artifact of this name in the job. The entity tag of an artifact
   * is its sha256. The commit of the record checks the conditions.
   */
  readonly conditions?: EntityConditions | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface JobUploadsParts {
  readonly store: Pick<ArtifactStore, 'newestOfJob'>;
  readonly intake: ArtifactIntake;
  readonly jobs: Jobs;
  readonly jobView: JobView;
  readonly hints: JobHints;
  readonly secrets: SecretPolicy;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Size limit of one job artifact, in bytes. */
  readonly maxBytes: number;
}

/** Checks, stages and commits uploads of artifacts to jobs. */
export class JobUploads {
  readonly #parts: JobUploadsParts;

  constructor(parts: JobUploadsParts) {
    this.#parts = parts;
  }

  /**
   * Checks an upload before any byte is read: the job must exist, a worker must hold the job's lease, and the storage quota
   * must not be used up. Errors: `job_not_found`, `lease_lost`, `job_state_conflict`, `worker_not_authorized`, `storage_full`.
   */
  async permitUpload(principal: Principal, jobId: string, leaseId: string | undefined): Promise<UploadPermit> {
    const job = await this.#parts.jobs.require(jobId);
    const maxBytes = this.#parts.maxBytes;
    const fence = principal.kind === 'worker' ? { workerId: principal.workerId, leaseId } : undefined;
    const refusal = fence && checkFence(job, fence, this.#parts.jobs.leasesAt());
    if (refusal !== undefined) throw uploadRefusal(refusal);
    this.#parts.intake.requireRoom();
    return { job, fence, principal, maxBytes };
  }

  /** Throws `invalid_artifact_name` if no artifact of any job may have this name. Used before the bytes arrive. */
  checkName(name: string): void {
    normalizeArtifactName(name);
  }

  /**
   * Checks the conditions of an upload on the newest artifact of the name, before the bytes arrive. `add` checks them
   * again. Errors: `precondition_failed`, `invalid_artifact_name`.
   */
  async checkConditions({ job }: UploadPermit, name: string, conditions: EntityConditions): Promise<void> {
    if (!hasConditions(conditions)) return;
    const newest = await this.#parts.store.newestOfJob(job.id, normalizeArtifactName(name));
    requireConditions(conditions, newest && ownedBlob(newest).sha256);
  }

  /** Stages the bytes of an upload; see `ArtifactIntake.stage`. Errors: `artifact_too_large`, `storage_full`. */
  stage(permit: UploadPermit, source: AsyncIterable<Uint8Array>): Promise<StagedUpload> {
    return this.#parts.intake.stage(source, permit.maxBytes);
  }

  /**
   * Creates an artifact of the job from staged bytes. First the bytes become durable. Then one commit checks the lease
   * again, and writes the record and its event. If the commit is refused, the bytes are deleted. `created` is false if
   * an earlier request with the same idempotency key created the artifact.
   *
   * Errors: `invalid_artifact_name`, `digest_mismatch`, `lease_lost`, `job_state_conflict`, `worker_not_authorized`,
   * `job_not_found`, `idempotency_conflict`, `precondition_failed`, `request_timeout`, `storage_policy` (metadata),
   * `secret_found`, `unavailable` (the scanner failed).
   */
  async add(
    permit: UploadPermit,
    staged: StagedUpload,
    about: UploadDescription,
  ): Promise<{ artifact: ArtifactRecord; created: boolean }> {
    const kept = await this.#parts.intake.keep(staged, async () => {
      const name = normalizeArtifactName(about.name);
      await this.#parts.secrets.requireMetadata(about.metadata);
      return {
        sha256: about.sha256,
        texts: textsOf(name, about),
        record: (bytes) => this.#record(permit, name, about, bytes),
        changes: (artifact) => changesOf(permit.job, artifact),
        preconditions: preconditionsOf(permit, name, about.conditions),
        repetition: repetitionOf(permit, about),
        refusal: conflictError,
      };
    });
    const { artifact, created } = kept;
    if (kept.created) {
      const { id: jobId, status } = permit.job;
      this.#parts.hints.publish({ jobId, seq: kept.lastSeqs[jobId] ?? 0, status });
      await this.#parts.jobView.show(artifact);
    }
    return { artifact, created };
  }

  #record(permit: UploadPermit, name: string, about: UploadDescription, bytes: StoredBytes): ArtifactRecord {
    const { principal, job } = permit;
    const traits = {
      ...bytes,
      principal,
      sourceType: principal.kind === 'worker' ? 'assistant-output' : 'manual-upload',
      type: about.type ?? artifactTypeOf(name),
      title: about.title ?? name.slice(0, 500),
      status: about.status,
      filename: baseName(name),
      contentType: about.contentType,
      jobId: job.id,
      name,
      tags: about.tags,
      metadata: about.metadata,
    } as const;
    return newArtifact(traits, this.#parts);
  }
}

/** Returns the text fields of an upload that are checked for secrets. The name is also the filename of the artifact. */
function textsOf(name: string, { title, tags = [], contentType }: UploadDescription): CheckedText[] {
  return [
    { field: 'name', text: name },
    { field: 'contentType', text: contentType },
    ...(title === undefined ? [] : [{ field: 'title', text: title }]),
    ...tags.map((text, index) => ({ field: `tags.${String(index)}`, text })),
  ];
}

function repetitionOf({ principal }: UploadPermit, { idempotencyKey: key }: UploadDescription): Repetition | undefined {
  if (key === undefined) return undefined;
  const same = (artifact: ArtifactRecord) => [artifact.jobId, artifact.name, ownedBlob(artifact).sha256];
  return { principal: actorOf(principal), operation: 'uploadArtifact', key, same };
}

function changesOf(job: JobRecord, artifact: ArtifactRecord): Change[] {
  const name = artifact.name ?? '';
  const { sizeBytes } = ownedBlob(artifact);
  return [
    ...foldersOf(name).map((path): Change => ({ kind: 'take-path', jobId: job.id, path, as: 'folder' })),
    { kind: 'take-path', jobId: job.id, path: name, as: 'file' },
    insert('artifact', artifact),
    {
      kind: 'append-event',
      jobId: job.id,
      event: {
        kind: 'artifact_uploaded',
        level: 'info',
        message: `Artifact ${name.slice(0, 200)} (${String(sizeBytes)} bytes).`,
        payload: { artifactId: artifact.id, sizeBytes, type: artifact.type },
      },
    },
  ];
}

function preconditionsOf(permit: UploadPermit, name: string, conditions: EntityConditions = {}): Precondition[] {
  const jobId = permit.job.id;
  return [
    permit.fence === undefined ? exists('job', jobId) : { kind: 'job-held', jobId, fence: permit.fence },
    ...(hasConditions(conditions) ? [{ kind: 'newest-artifact', jobId, name, conditions } as const] : []),
  ];
}

function hasConditions({ ifMatch, ifNoneMatch }: EntityConditions): boolean {
  return ifMatch !== undefined || ifNoneMatch !== undefined;
}

/**
 * Throws `precondition_failed` if the conditions do not hold. `tag` is the entity tag of the newest artifact with the
 * name. It is undefined if no artifact has the name.
 */
export function requireConditions(conditions: EntityConditions, tag: string | undefined): void {
  if (!meetsConditions(conditions, tag)) throw conditionsFailed();
}

function conditionsFailed(): AppError {
  return new AppError('precondition_failed', 'If-Match or If-None-Match does not hold for what the name shows now.');
}

function conflictError(conflict: Conflict, artifact: ArtifactRecord): AppError {
  switch (conflict.kind) {
    case 'fence':
      return uploadRefusal(conflict.refusal);
    case 'missing':
      return new AppError('job_not_found', `Job ${conflict.id} is gone.`);
    case 'condition':
      return conditionsFailed();
    case 'path':
      return new AppError(
        'invalid_artifact_name',
        `The artifact name ${JSON.stringify(artifact.name)} is not allowed: ${JSON.stringify(conflict.path)} is a ${conflict.is} in this job already.`,
        {
          errors: [{ path: 'name', message: 'a name cannot be a file and a folder' }],
          details: { takenPath: conflict.path },
        },
      );
    default:
      return new AppError('version_conflict', 'The record changed meanwhile; try again.');
  }
}

/**
 * Returns the error of an upload whose lease check failed. If another worker holds the lease, the API contract requires
 * `worker_not_authorized` (contracts, "Errors").
 */
export function uploadRefusal(refusal: { code: AppError['code']; message: string }): AppError {
  const code = refusal.code === 'job_ownership_mismatch' ? 'worker_not_authorized' : refusal.code;
  return new AppError(code, refusal.message);
}

import {
  AppError,
  actorOf,
  artifactTypeOf,
  baseName,
  checkFence,
  foldersOf,
  isAppError,
  isUuid,
  may,
  normalizeArtifactName,
  type ArtifactRecord,
  type ArtifactType,
  type Fence,
  type JobAccess,
  type JobRecord,
  type Principal,
  type StorageProvider,
} from '@proofhouse/core';
import type { Blobs, OpenedBlob, StagedBlob } from '@proofhouse/blobs';
import type { JobHints } from '../jobs/job-hints.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Clock } from '../kernel/time/clock.ts';
import {
  exists,
  insert,
  update,
  type Change,
  type Commits,
  type Conflict,
  type Precondition,
} from '../kernel/commit.ts';
import { meetsConditions, type EntityConditions } from '../kernel/entity-conditions.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, nextCursorOf, type ListFilter, type Page } from '../kernel/page.ts';
import { jobAccess, type ArtifactAcl } from './artifact-access.ts';
import type { ArtifactIntake, Repetition } from './artifact-intake.ts';
import type { ArtifactFilter, ArtifactStore } from './artifact-store.ts';
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
  /** On the newest artifact of the name, whose tag is its sha256; decided in the record's commit. */
  readonly conditions?: EntityConditions | undefined;
  readonly idempotencyKey?: string | undefined;
}

export type ArtifactQuery = ArtifactFilter & { readonly limit: number; readonly cursor?: string | undefined };

/** Pinning again when somebody else changed the record meanwhile. */
const maxAttempts = 5;

export interface ArtifactsParts {
  readonly store: ArtifactStore;
  readonly commits: Commits;
  readonly blobs: Blobs;
  readonly intake: ArtifactIntake;
  readonly acl: ArtifactAcl;
  readonly jobs: Jobs;
  readonly jobView: JobView;
  readonly hints: JobHints;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly provider: StorageProvider;
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
   * job. Errors: `job_not_found`, `lease_lost`, `job_state_conflict`, `worker_not_authorized`, `storage_full`.
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

  /** Refuses a name that can never be taken, before the bytes arrive. Errors: `invalid_artifact_name`. */
  checkName(name: string): void {
    normalizeArtifactName(name);
  }

  /** Decides early what `add` decides again. Errors: `precondition_failed`, `invalid_artifact_name`. */
  async checkConditions({ job }: UploadPermit, name: string, conditions: EntityConditions): Promise<void> {
    if (!hasConditions(conditions)) return;
    const newest = await this.#parts.store.newestOfJob(job.id, normalizeArtifactName(name));
    requireConditions(conditions, newest?.blob.sha256);
  }

  /** Takes the bytes aside, hashed and capped; nothing is visible yet. Errors: `artifact_too_large`, `storage_full`. */
  stage(permit: UploadPermit, source: AsyncIterable<Uint8Array>): Promise<StagedBlob> {
    return this.#parts.intake.stage(source, permit.maxBytes);
  }

  /**
   * Makes staged bytes an artifact of the job: bytes durable first, then the record with its event, in one
   * commit that checks the lease again. On any failure nothing is kept. `created` is false when the
   * idempotency key had made the artifact before.
   *
   * Errors: `invalid_artifact_name`, `digest_mismatch`, `lease_lost`, `job_state_conflict`,
   * `worker_not_authorized`, `job_not_found`, `idempotency_conflict`, `precondition_failed`.
   */
  async add(
    permit: UploadPermit,
    staged: StagedBlob,
    about: UploadDescription,
  ): Promise<{ artifact: ArtifactRecord; created: boolean }> {
    const kept = await this.#parts.intake.keep(staged, () => {
      const name = normalizeArtifactName(about.name);
      return {
        sha256: about.sha256,
        record: (blob) => this.#record(permit, name, about, blob),
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

  /** Every version of every artifact of the job, newest first; a worker that does not hold it sees its own. */
  async listOfJob(
    principal: Principal,
    jobId: string,
    query: { name?: string | undefined; limit: number; cursor?: string | undefined },
  ) {
    const job = jobAccess(await this.#parts.jobs.require(jobId));
    const seesAll = may(principal, 'job.read', job);
    const name = query.name === undefined ? undefined : normalizeArtifactName(query.name);
    const filter = { jobId, name, createdBy: seesAll ? undefined : actorOf(principal) };
    const after = decodeCursor(filter, query.cursor);
    const page = await this.#parts.store.listOfJob(filter, { limit: query.limit, after });
    return this.#shown(principal, filter, page, job);
  }

  /**
   * Artifacts of every door, newest first. A worker's list is of what it made or of a job that it holds. Errors:
   * `unsupported_filter`, `forbidden`, `invalid_cursor`.
   */
  async list(principal: Principal, query: ArtifactQuery) {
    const { limit, cursor, ...filter } = query;
    if ([filter.jobId, filter.experimentId, filter.createdBy].filter((value) => value !== undefined).length > 1) {
      throw new AppError('unsupported_filter', 'Filter by one of jobId, experimentId and createdBy, not by several.');
    }
    const job = principal.kind === 'worker' ? await this.#narrowed(principal, filter) : undefined;
    const page = await this.#parts.store.list(filter, { limit, after: decodeCursor(filter, cursor) });
    return this.#shown(principal, filter, page, job);
  }

  /** Errors, in this order: `artifact_not_found`, `forbidden`. */
  async get(principal: Principal, artifactId: string): Promise<ArtifactRecord> {
    const artifact = await this.#require(artifactId);
    if (await this.#parts.acl(principal, 'artifact.read', artifact)) return artifact;
    throw new AppError('forbidden', `Artifact ${artifactId} was made by another worker.`);
  }

  /** Errors, in this order: `job_not_found`, `artifact_not_found`, `artifact_job_mismatch`, `forbidden`. */
  async getOfJob(principal: Principal, jobId: string, artifactId: string): Promise<ArtifactRecord> {
    const job = await this.#parts.jobs.require(jobId);
    const artifact = await this.#require(artifactId);
    if (artifact.jobId !== jobId) {
      throw new AppError('artifact_job_mismatch', `Artifact ${artifactId} does not belong to job ${jobId}.`);
    }
    if (await this.#parts.acl(principal, 'artifact.read', artifact, jobAccess(job))) return artifact;
    throw new AppError('forbidden', `Artifact ${artifactId} was made by another worker.`);
  }

  /**
   * Has retention leave the bytes alone, or decide about them again. Bytes that are gone cannot be kept. Errors:
   * `artifact_not_found`, `artifact_expired`, `version_conflict`.
   */
  async pin(artifactId: string, pinned: boolean): Promise<ArtifactRecord> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const artifact = await this.#require(artifactId);
      if (pinned) requireKept(artifact);
      if ((artifact.pinnedAt !== null) === pinned) return artifact;
      const now = this.#parts.clock.now();
      const version = artifact.version + 1;
      const changed = { ...artifact, pinnedAt: pinned ? now : null, version, updatedAt: now };
      const change = update('artifact', changed, artifact.version);
      const result = await this.#parts.commits.commit({ changes: [change], preconditions: [] });
      if (result.outcome === 'done') return changed;
    }
    throw new AppError('version_conflict', `Artifact ${artifactId} keeps changing; try again.`);
  }

  /** The artifact's bytes, whole or a range of them. Errors: `artifact_expired`, `integrity_failure`, `unavailable`. */
  async open(artifact: ArtifactRecord, range?: { start: number; end: number }): Promise<OpenedBlob> {
    requireKept(artifact);
    const opened = await this.#parts.blobs.open(artifact.blob, range);
    if (opened.fingerprint !== artifact.blob.fingerprint) {
      await this.#parts.store.refreshFingerprint(artifact.id, opened.fingerprint);
    }
    return opened;
  }

  async #require(artifactId: string): Promise<ArtifactRecord> {
    const artifact = isUuid(artifactId) ? await this.#parts.store.find(artifactId) : undefined;
    if (artifact !== undefined) return artifact;
    throw new AppError('artifact_not_found', `There is no artifact ${JSON.stringify(artifactId.slice(0, 80))}.`);
  }

  /** The job that a worker's list is of, if it is of one. Errors: `forbidden`. */
  async #narrowed(principal: Principal, filter: ArtifactFilter): Promise<JobAccess | undefined> {
    if (filter.createdBy === actorOf(principal)) return undefined;
    if (filter.jobId !== undefined) {
      const job = await this.#parts.jobs.require(filter.jobId).catch((error: unknown) => {
        if (!isAppError(error, 'job_not_found')) throw error;
      });
      if (job !== undefined && may(principal, 'job.read', jobAccess(job))) return jobAccess(job);
    }
    throw new AppError(
      'forbidden',
      'A worker lists what it made (createdBy) or the artifacts of a job it holds (jobId).',
    );
  }

  async #shown(principal: Principal, filter: ListFilter, page: Page<ArtifactRecord>, job: JobAccess | undefined) {
    const { acl } = this.#parts;
    const readable = await Promise.all(page.items.map((artifact) => acl(principal, 'artifact.read', artifact, job)));
    const items = page.items.filter((_, index) => readable[index]);
    return { items, nextCursor: nextCursorOf(filter, page.next) };
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

/** Errors: `artifact_expired`. */
export function requireKept(artifact: ArtifactRecord): void {
  if (artifact.purgedAt === null) return;
  throw new AppError(
    'artifact_expired',
    `The bytes of artifact ${artifact.id} were removed by retention on ${new Date(artifact.purgedAt).toISOString()}.`,
  );
}

function repetitionOf({ principal }: UploadPermit, { idempotencyKey: key }: UploadDescription): Repetition | undefined {
  if (key === undefined) return undefined;
  const same = (artifact: ArtifactRecord) => [artifact.jobId, artifact.name, artifact.blob.sha256];
  return { principal: actorOf(principal), operation: 'uploadArtifact', key, same };
}

function changesOf(job: JobRecord, artifact: ArtifactRecord): Change[] {
  const name = artifact.name ?? '';
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
        message: `Artifact ${name.slice(0, 200)} (${String(artifact.blob.sizeBytes)} bytes).`,
        payload: { artifactId: artifact.id, sizeBytes: artifact.blob.sizeBytes, type: artifact.type },
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

/** `tag`: of what is there now; undefined when there is nothing. Errors: `precondition_failed`. */
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

// On uploads the contract calls a job held by somebody else by the worker's name, not the job's.
function uploadRefusal(refusal: { code: AppError['code']; message: string }): AppError {
  const code = refusal.code === 'job_ownership_mismatch' ? 'worker_not_authorized' : refusal.code;
  return new AppError(code, refusal.message);
}

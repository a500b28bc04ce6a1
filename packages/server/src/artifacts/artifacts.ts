import {
  AppError,
  actorOf,
  isAppError,
  isUuid,
  may,
  normalizeArtifactName,
  ownedBlob,
  type ArtifactRecord,
  type BlobReference,
  type JobAccess,
  type Principal,
} from '@proofhouse/core';
import type { Blobs, OpenedBlob } from '@proofhouse/blobs';
import type { Jobs } from '../jobs/jobs.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { update, type Commits } from '../kernel/commit.ts';
import { decideAndCommit } from '../kernel/decide-and-commit.ts';
import { decodeCursor, nextCursorOf, type ListFilter, type Page } from '../kernel/page.ts';
import { jobAccess, type ArtifactAcl } from './artifact-access.ts';
import type { ArtifactFilter, ArtifactStore } from './artifact-store.ts';

export type ArtifactQuery = ArtifactFilter & { readonly limit: number; readonly cursor?: string | undefined };

export interface ArtifactsParts {
  readonly store: ArtifactStore;
  readonly commits: Commits;
  readonly blobs: Blobs;
  readonly acl: ArtifactAcl;
  readonly jobs: Jobs;
  readonly clock: Clock;
}

/** Reads artifact records and their bytes, and pins artifacts. Uploads are in `JobUploads` and `Deposits`. */
export class Artifacts {
  readonly #parts: ArtifactsParts;

  constructor(parts: ArtifactsParts) {
    this.#parts = parts;
  }

  /**
   * Returns a page of the artifacts of a job, newest first, including older artifacts of each name. A worker that does
   * Registrations without stored bytes are left out, so a page may be short. A worker that does
   * not hold the job's lease gets only the artifacts that it created. Errors: `job_not_found`, `invalid_artifact_name`,
   * `invalid_cursor`.
   */
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
    const stored = page.items.filter(({ content }) => content.kind === 'owned');
    return this.#shown(principal, filter, { ...page, items: stored }, job);
  }

  /**
   * Returns a page of artifacts, newest first, both from uploads to jobs and from deposits. A worker may list the
   * artifacts that it created (`createdBy`), and those of a job whose lease it holds (`jobId`). Errors:
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

  /** Returns an artifact by its id. Errors, in this order: `artifact_not_found`, `forbidden`. */
  async get(principal: Principal, artifactId: string): Promise<ArtifactRecord> {
    const artifact = await this.require(artifactId);
    if (await this.#parts.acl(principal, 'artifact.read', artifact)) return artifact;
    throw new AppError('forbidden', `Artifact ${artifactId} was made by another worker.`);
  }

  /**
   * Returns an artifact of a job by its id. Errors, in this order: `job_not_found`, `artifact_not_found`,
   * `artifact_job_mismatch`, `forbidden`.
   */
  async getOfJob(principal: Principal, jobId: string, artifactId: string): Promise<ArtifactRecord> {
    const job = await this.#parts.jobs.require(jobId);
    const artifact = await this.require(artifactId);
    if (artifact.jobId !== jobId) {
      throw new AppError('artifact_job_mismatch', `Artifact ${artifactId} does not belong to job ${jobId}.`);
    }
    if (await this.#parts.acl(principal, 'artifact.read', artifact, jobAccess(job))) return artifact;
    throw new AppError('forbidden', `Artifact ${artifactId} was made by another worker.`);
  }

  /**
   * Returns a page of the history of an artifact, newest first. Errors: `artifact_not_found`, `forbidden`,
   * `invalid_cursor`.
   */
  async history(principal: Principal, artifactId: string, query: { limit: number; cursor?: string | undefined }) {
    const { id } = await this.get(principal, artifactId);
    const filter = { historyOf: id };
    const { store } = this.#parts;
    const page = await store.historyOf(id, { limit: query.limit, after: decodeCursor(filter, query.cursor) });
    return { items: page.items, nextCursor: nextCursorOf(filter, page.next) };
  }

  /**
   * Pins the artifact, which excludes its bytes from retention. If `pinned` is false, removes the pin. An artifact whose
   * bytes were purged cannot be pinned. Errors: `artifact_not_found`, `artifact_expired`, `version_conflict`.
   */
  async pin(artifactId: string, pinned: boolean): Promise<ArtifactRecord> {
    const { result } = await decideAndCommit(this.#parts, {
      what: `Artifact ${artifactId}`,
      read: () => this.require(artifactId),
      decide: (artifact) => {
        if (pinned) requireKept(artifact);
        if ((artifact.pinnedAt !== null) === pinned) return { result: artifact };
        const now = this.#parts.clock.now();
        const version = artifact.version + 1;
        const changed = { ...artifact, pinnedAt: pinned ? now : null, version, updatedAt: now };
        return { result: changed, changes: [update('artifact', changed, artifact.version)] };
      },
    });
    return result;
  }

  /**
   * Opens the bytes of an artifact, all or a range of them. Errors: `artifact_expired`, `integrity_failure`,
   * `unavailable`.
   */
  async open(artifact: ArtifactRecord, range?: { start: number; end: number }): Promise<OpenedBlob> {
    const blob = requireKept(artifact);
    const opened = await this.#parts.blobs.open(blob, range);
    if (opened.fingerprint !== blob.fingerprint) {
      await this.#parts.store.refreshFingerprint(artifact.id, opened.fingerprint);
    }
    return opened;
  }

  /** Returns an artifact by its id without an access check. Errors: `artifact_not_found`. */
  async require(artifactId: string): Promise<ArtifactRecord> {
    const artifact = isUuid(artifactId) ? await this.#parts.store.find(artifactId) : undefined;
    if (artifact !== undefined) return artifact;
    throw new AppError('artifact_not_found', `There is no artifact ${JSON.stringify(artifactId.slice(0, 80))}.`);
  }

  /**
   * Checks that a worker may list artifacts with this filter. Returns the job of the filter, or undefined if the filter
   * selects the artifacts that the worker created. Errors: `forbidden`.
   */
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
}

/**
 * Returns the blob of an artifact. Throws `artifact_expired` if retention removed the bytes, and `not_owned` if Proofhouse
 * does not store them.
 */
export function requireKept(artifact: ArtifactRecord): BlobReference {
  const blob = ownedBlob(artifact);
  if (artifact.purgedAt === null) return blob;
  throw new AppError(
    'artifact_expired',
    `The bytes of artifact ${artifact.id} were removed by retention on ${new Date(artifact.purgedAt).toISOString()}.`,
  );
}

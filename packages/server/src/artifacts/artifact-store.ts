import type { ArtifactRecord, ArtifactStatus, ArtifactType, GrantRecord } from '@proofhouse/core';
import type { Page, PageKey, PageRequest } from '../kernel/page.ts';

/** Reads of artifact records; they are written through `Commits`. */
export interface ArtifactStore {
  find(artifactId: string): Promise<ArtifactRecord | undefined>;

  /** Finds by the complete uri, exactly as it was issued. */
  findByUri(uri: string): Promise<ArtifactRecord | undefined>;

  /**
   * Newest first by (createdAt, id), including those whose bytes were purged. The first given field of jobId,
   * experimentId and createdBy selects the index. The other fields are filtered row by row, at most `mostExamined` rows
   * per page, so pages may be short or empty while `next` is set.
   */
  list(filter: ArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>>;

  /** Artifacts of a job, every version, newest first by (createdAt, id). */
  listOfJob(filter: JobArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>>;

  /** Returns the newest artifact of a job with a name, which the job view shows. */
  newestOfJob(jobId: string, name: string): Promise<ArtifactRecord | undefined>;

  /** Returns the workers and groups with a read grant, ordered by id. */
  readersOf(artifactId: string): Promise<string[]>;

  grantOf(artifactId: string, reader: string): Promise<GrantRecord | undefined>;

  /**
   * Records of a type made before `olderThan` that are neither pinned nor purged, oldest first by (createdAt, id),
   * `after` exclusive.
   */
  expirable(
    filter: { readonly type: ArtifactType; readonly olderThan: number },
    after: PageKey | undefined,
    limit: number,
  ): Promise<ArtifactRecord[]>;

  /** Updates the fingerprint of bytes that were found unchanged under a new one. */
  refreshFingerprint(artifactId: string, fingerprint: string): Promise<void>;
}

export interface JobArtifactFilter {
  readonly jobId: string;
  readonly name?: string | undefined;
  readonly createdBy?: string | undefined;
}

export interface ArtifactFilter {
  readonly jobId?: string | undefined;
  readonly experimentId?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly status?: ArtifactStatus | undefined;
  readonly type?: ArtifactType | undefined;
}

/** Largest number of rows that a page of `ArtifactStore.list` reads. */
export const mostExamined = 1000;

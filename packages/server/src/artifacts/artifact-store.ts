import type { ArtifactRecord, ArtifactStatus, ArtifactType, GrantRecord, HistoryRecord } from '@proofhouse/core';
import type { Page, PageKey, PageRequest } from '../kernel/page.ts';

/** Reads artifact records and grants. `Commits` writes them, except for the fingerprints of blobs. */
export interface ArtifactStore {
  find(artifactId: string): Promise<ArtifactRecord | undefined>;

  /** Returns the artifact with this URI. Two URIs are equal only if all their characters are equal. */
  findByUri(uri: string): Promise<ArtifactRecord | undefined>;

  /**
   * Returns a page of artifacts, newest first by (createdAt, id), including those whose bytes were purged. An index
   * selects the artifacts by one field: the first of jobId, experimentId and createdBy that the filter has. The other
   * fields are compared row by row, in at most `mostExamined` rows per page. So a page may be short or empty although
   * `next` is set.
   */
  list(filter: ArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>>;

  /** Returns a page of the artifacts of a job, newest first by (createdAt, id). Older artifacts of a name are included. */
  listOfJob(filter: JobArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>>;

  /** Returns the newest artifact of this name in a job. It is the one that the job view shows. */
  newestOfJob(jobId: string, name: string): Promise<ArtifactRecord | undefined>;

  /** Returns a page of the history of an artifact, newest first by (at, id). */
  historyOf(artifactId: string, page: PageRequest): Promise<Page<HistoryRecord>>;

  /** Returns the ids of the workers and groups that have a read grant for the artifact, in ascending order. */
  readersOf(artifactId: string): Promise<string[]>;

  grantOf(artifactId: string, reader: string): Promise<GrantRecord | undefined>;

  /**
   * Returns artifacts whose bytes retention may remove: those of a type that were created before `olderThan` (epoch
   * ms), and that are neither pinned nor purged. Oldest first by (createdAt, id), beginning after `after`.
   */
  expirable(
    filter: { readonly type: ArtifactType; readonly olderThan: number },
    after: PageKey | undefined,
    limit: number,
  ): Promise<ArtifactRecord[]>;

  /**
   * Stores a new fingerprint (size, time and inode of the blob's file) for the blob of an artifact. The caller must
   * have read the bytes and found them unchanged.
   */
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

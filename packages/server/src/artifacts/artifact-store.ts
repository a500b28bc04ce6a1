import type { ArtifactRecord, ArtifactStatus, ArtifactType, GrantRecord } from '@proofhouse/core';
import type { Page, PageKey, PageRequest } from '../kernel/page.ts';

/** Reads of artifact records; they are written through `Commits`. */
export interface ArtifactStore {
  find(artifactId: string): Promise<ArtifactRecord | undefined>;

  /** The whole uri, exactly as it was given out. */
  findByUri(uri: string): Promise<ArtifactRecord | undefined>;

  /**
   * Newest first by (createdAt, id), also those whose bytes were purged. The first of jobId, experimentId and createdBy
   * that is given finds the rows; all other fields are looked at row by row, at most `mostExamined` of them a page: pages
   * may be short or empty while there is a `next`.
   */
  list(filter: ArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>>;

  /** Artifacts of a job, every version, newest first by (createdAt, id). */
  listOfJob(filter: JobArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>>;

  /** The newest artifact of a job under a name: what the job view shows. */
  newestOfJob(jobId: string, name: string): Promise<ArtifactRecord | undefined>;

  /** The workers and groups that were granted to read it, in the order of their ids. */
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

  /** Records the mark of bytes that were found unchanged under a new one. */
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

/** Rows that a page of `ArtifactStore.list` looks at, at most. */
export const mostExamined = 1000;

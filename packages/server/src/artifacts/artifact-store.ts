import type { ArtifactRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/** Reads of artifact records; they are written through `Commits`. */
export interface ArtifactStore {
  find(artifactId: string): Promise<ArtifactRecord | undefined>;

  /** Artifacts of a job, every version, newest first by (createdAt, id). */
  listOfJob(filter: JobArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>>;

  /** The newest artifact of a job under a name: what the job view shows. */
  newestOfJob(jobId: string, name: string): Promise<ArtifactRecord | undefined>;

  /** Which of these blob keys some record names. For collection and verification. */
  ownedKeys(keys: readonly string[]): Promise<ReadonlySet<string>>;

  /** Every record that owns a blob, by id, for verification. */
  listOwned(afterId: string | undefined, limit: number): Promise<ArtifactRecord[]>;

  /** Records the mark of bytes that were found unchanged under a new one. */
  refreshFingerprint(artifactId: string, fingerprint: string): Promise<void>;
}

export interface JobArtifactFilter {
  readonly jobId: string;
  readonly name?: string | undefined;
  readonly createdBy?: string | undefined;
}

import type { ArtifactRecord, ArtifactType } from '@proofhouse/core';
import type { BlobOwnership } from '../artifacts/blob-ownership.ts';
import type { PageKey } from '../kernel/page.ts';

/** What care of storage asks of the records of artifacts. What each answer means is said in `ArtifactStore`. */
export interface RetentionStore {
  find(artifactId: string): Promise<ArtifactRecord | undefined>;
  newestOfJob(jobId: string, name: string): Promise<ArtifactRecord | undefined>;
  blobOwnership(keys: readonly string[]): Promise<ReadonlyMap<string, BlobOwnership>>;
  listOwned(afterId: string | undefined, limit: number): Promise<ArtifactRecord[]>;
  usageByType(): Promise<readonly TypeUsage[]>;
  expirable(
    filter: { readonly type: ArtifactType; readonly olderThan: number },
    after: PageKey | undefined,
    limit: number,
  ): Promise<ArtifactRecord[]>;
}

export interface TypeUsage {
  readonly type: ArtifactType;
  readonly count: number;
  readonly sizeBytes: number;
}

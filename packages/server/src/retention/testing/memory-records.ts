import { ownedBlob, type ArtifactRecord, type BlobReference } from '@proofhouse/core';
import type { BlobOwnership } from '../../artifacts/blob-ownership.ts';
import { newArtifact } from '../../artifacts/new-artifact.ts';
import type { Commit, CommitResult } from '../../kernel/commit.ts';
import type { Page, PageKey } from '../../kernel/page.ts';
import type { RetentionStore, TypeUsage } from '../retention-store.ts';

/** Artifact records in a map: what tests of storage care stand on where no engine is the point. */
export class MemoryRecords implements RetentionStore {
  readonly #records = new Map<string, ArtifactRecord>();
  #made = 0;
  commits = 0;

  /** Adds a draft, with whatever the test cares about. */
  add({ blob, ...fields }: Partial<ArtifactRecord> & { blob: BlobReference; createdAt: number }): ArtifactRecord {
    const id = `artifact-${String(++this.#made).padStart(5, '0')}`;
    const made = newArtifact(
      {
        content: { kind: 'owned', blob },
        storageProvider: 'filesystem',
        principal: { kind: 'worker', workerId: 'worker', policy: {} },
        sourceType: 'assistant-output',
        type: 'other',
        title: id,
        filename: null,
        contentType: 'text/plain',
      },
      {
        clock: { now: () => fields.createdAt },
        ids: { uuid: () => id, artifactUri: () => `proofhouse://artifacts/${id}` },
      },
    );
    const artifact = { ...made, ...fields };
    this.#records.set(id, artifact);
    return artifact;
  }

  change(id: string, fields: Partial<ArtifactRecord>): void {
    const artifact = this.#records.get(id);
    if (artifact !== undefined) this.#records.set(id, { ...artifact, ...fields, version: artifact.version + 1 });
  }

  /** Those whose bytes are kept. */
  kept(): ArtifactRecord[] {
    return [...this.#records.values()].filter(({ purgedAt }) => purgedAt === null);
  }

  async find(id: string): Promise<ArtifactRecord | undefined> {
    return this.#records.get(id);
  }

  async newestOfJob(jobId: string, name: string): Promise<ArtifactRecord | undefined> {
    return [...this.#records.values()].findLast((record) => record.jobId === jobId && record.name === name);
  }

  async listOfJob(filter: { jobId: string; name?: string | undefined }): Promise<Page<ArtifactRecord>> {
    const items = [...this.#records.values()].filter(({ jobId, name }) => {
      return jobId === filter.jobId && (filter.name === undefined || name === filter.name);
    });
    return { items, next: undefined };
  }

  async blobOwnership(keys: readonly string[]): Promise<ReadonlyMap<string, BlobOwnership>> {
    const named = [...this.#records.values()].filter((record) => keys.includes(ownedBlob(record).key));
    return new Map(named.map((record) => [ownedBlob(record).key, record.purgedAt === null ? 'kept' : 'released']));
  }

  async listOwned(afterId: string | undefined, limit: number): Promise<ArtifactRecord[]> {
    return this.kept()
      .filter(({ id }) => id > (afterId ?? ''))
      .slice(0, limit);
  }

  async usageByType(): Promise<TypeUsage[]> {
    return [];
  }

  async expirable(
    filter: { type: string; olderThan: number },
    after: PageKey | undefined,
    limit: number,
  ): Promise<ArtifactRecord[]> {
    return this.kept()
      .filter(({ type, pinnedAt, createdAt }) => {
        return type === filter.type && pinnedAt === null && createdAt < filter.olderThan;
      })
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
      .filter(({ createdAt, id }) => {
        return after === undefined || createdAt > after.at || (createdAt === after.at && id > after.id);
      })
      .slice(0, limit);
  }

  async commit({ changes }: Commit): Promise<CommitResult> {
    this.commits += 1;
    for (const change of changes) {
      if (change.kind !== 'update' || change.record !== 'artifact') throw new Error(`no test needs ${change.kind}`);
      const { record, value, version } = change;
      if (this.#records.get(value.id)?.version !== version)
        return { outcome: 'conflict', conflict: { kind: 'version', record, id: value.id } };
      this.#records.set(value.id, { ...value, version: version + 1 });
    }
    return { outcome: 'done', lastSeqs: {} };
  }
}

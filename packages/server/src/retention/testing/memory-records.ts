import { ownedBlob, type ArtifactRecord, type BlobReference } from '@proofhouse/core';
import type { ArtifactStore } from '../../artifacts/artifact-store.ts';
import { newArtifact } from '../../artifacts/new-artifact.ts';
import type { BlobOwner, BlobOwners, BlobOwnerState } from '../../kernel/blob-owners.ts';
import type { Commit, CommitResult } from '../../kernel/commit.ts';
import type { Page, PageKey } from '../../kernel/page.ts';

type Records = Pick<ArtifactStore, 'find' | 'newestOfJob' | 'listOfJob' | 'expirable'>;

/** Stores artifact records and the owners of their blobs in memory, for tests of collection and verification. */
export class MemoryRecords implements Records, BlobOwners {
  readonly #records = new Map<string, ArtifactRecord>();
  #made = 0;
  commits = 0;

  /** Adds the record of a draft artifact that has the given blob and fields. Returns the record. */
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

  /** Returns the records whose bytes were not purged. */
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

  async statesOf(keys: readonly string[]): Promise<ReadonlyMap<string, BlobOwnerState>> {
    const named = [...this.#records.values()].map(ownerOf).filter(({ key }) => keys.includes(key));
    return new Map(named.map(({ key, state }) => [key, state]));
  }

  async listOwned(afterKey: string | undefined, limit: number): Promise<BlobOwner[]> {
    return this.kept()
      .map(ownerOf)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .filter(({ key }) => key > (afterKey ?? ''))
      .slice(0, limit);
  }

  async usage(): Promise<never[]> {
    return [];
  }

  async usageDrift(): Promise<never[]> {
    return [];
  }

  async repairUsage(): Promise<void> {
    // Does nothing, because this store has no usage counters.
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

function ownerOf(record: ArtifactRecord): BlobOwner {
  const { key, sha256, sizeBytes } = ownedBlob(record);
  const state = record.purgedAt === null ? 'owned' : 'released';
  return { key, kind: 'artifact', id: record.id, type: record.type, sha256, sizeBytes, state };
}

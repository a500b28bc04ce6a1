import type { ArtifactRecord, ArtifactType } from '@proofhouse/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlobOwner, UsageCount } from '../../kernel/blob-owners.ts';
import { insert, update, type Change } from '../../kernel/commit.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { commitOf, newArtifact, ownerOf, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';

const types = ['log', 'diff', 'other'] as const;

type Act =
  | { readonly act: 'add'; readonly type: ArtifactType; readonly sizes: readonly number[]; readonly purged: boolean }
  | { readonly act: 'add-pointer'; readonly sizeBytes: number | null }
  | { readonly act: 'purge' | 'pin' | 'purge-stale'; readonly which: number }
  | { readonly act: 'retype'; readonly which: number; readonly type: ArtifactType }
  /** Commits several changes, the last of which is an insert that fails. The store must then contain none of them. */
  | { readonly act: 'add-twice'; readonly which: number };

const which = fc.nat(50);
const sizeBytes = fc.oneof(fc.nat(1000), fc.constant(2 ** 40));
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('add' as const),
      type: fc.constantFrom(...types),
      sizes: fc.array(sizeBytes, { minLength: 1, maxLength: 4 }),
      purged: fc.boolean(),
    }),
  },
  fc.record({ act: fc.constant('add-pointer' as const), sizeBytes: fc.option(sizeBytes) }),
  { weight: 3, arbitrary: fc.record({ act: fc.constantFrom('purge', 'pin', 'purge-stale'), which }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('retype' as const), which, type: fc.constantFrom(...types) }) },
  fc.record({ act: fc.constant('add-twice' as const), which }),
);

/**
 * Applies acts (random changes of artifacts) to the stores. Also computes the artifacts that the stores must contain
 * afterwards: those of the acts that succeeded.
 */
class History {
  readonly #stores: readonly MetadataStore[];
  readonly artifacts: ArtifactRecord[] = [];

  constructor(stores: readonly MetadataStore[]) {
    this.#stores = stores;
  }

  /** Runs the acts concurrently. No two acts use the same artifact. The stores are used in turn, one for each act. */
  async run(acts: readonly Act[]): Promise<void> {
    const touched = new Set<string>();
    await Promise.all(acts.map((each, index) => this.#one(this.#stores[index % this.#stores.length]!, each, touched)));
  }

  async #one(store: MetadataStore, each: Act, touched: Set<string>): Promise<void> {
    if (each.act === 'add') {
      const made = each.sizes.map((size) => owned(each.type, size, each.purged));
      await this.#done(
        store,
        made.map((artifact) => insert('artifact', artifact)),
        made,
      );
      return;
    }
    if (each.act === 'add-pointer') {
      const content = { kind: 'pointer', uri: 'https://a.test/b', checksum: null, sizeBytes: each.sizeBytes } as const;
      const made = newArtifact({ content });
      await this.#done(store, [insert('artifact', made)], [made]);
      return;
    }
    const found = this.artifacts[each.which % Math.max(1, this.artifacts.length)];
    if (found === undefined || touched.has(found.id)) return;
    touched.add(found.id);
    if (each.act === 'add-twice') {
      const both = [insert('artifact', owned('log', 7, false)), insert('artifact', found)];
      await expect(store.commit(commitOf(both))).rejects.toMatchObject({ code: 'internal' });
      return;
    }
    const changed = { ...found, version: found.version + 1, ...changeOf(each) };
    const version = each.act === 'purge-stale' ? found.version + 1 : found.version;
    const result = await store.commit(commitOf([update('artifact', changed, version)]));
    expect(result.outcome).toBe(each.act === 'purge-stale' ? 'conflict' : 'done');
    if (result.outcome === 'done') this.artifacts[this.artifacts.indexOf(found)] = changed;
  }

  async #done(store: MetadataStore, changes: readonly Change[], made: readonly ArtifactRecord[]): Promise<void> {
    expect(await store.commit(commitOf(changes))).toMatchObject({ outcome: 'done' });
    this.artifacts.push(...made);
  }
}

function owned(type: ArtifactType, size: number, purged: boolean): ArtifactRecord {
  const artifact = newArtifact({ type, purgedAt: purged ? start : null });
  const blob = { key: `blob-${artifact.id}`, sha256: 'ab'.repeat(32), sizeBytes: size, fingerprint: 'f' };
  return { ...artifact, content: { kind: 'owned', blob } };
}

function changeOf(each: Exclude<Act, { act: 'add' | 'add-pointer' | 'add-twice' }>): Partial<ArtifactRecord> {
  if (each.act === 'retype') return { type: each.type };
  return each.act === 'pin' ? { pinnedAt: start } : { purgedAt: start };
}

function usageOf(owners: readonly BlobOwner[]): UsageCount[] {
  return types.toSorted().flatMap((type) => {
    const those = owners.filter((owner) => owner.type === type && owner.state === 'owned');
    const size = those.reduce((sum, owner) => sum + owner.sizeBytes, 0);
    return those.length === 0 ? [] : [{ kind: 'artifact', type, count: those.length, sizeBytes: size }];
  });
}

/**
 * Contract tests of blob owners and usage counters: after any sequence of commits both agree with the records.
 * `histories` is the number of random sequences.
 */
export function blobOwnersContract(harness: StoreHarness, histories: number): void {
  const { pair } = storesOf(harness);

  describe('owners of blobs and the counters of usage', () => {
    it('agree with the records after any history of concurrent commits', async () => {
      const stores = await pair();
      const history = new History(stores);
      const property = fc.asyncProperty(fc.array(fc.array(act, { maxLength: 8 }), { maxLength: 6 }), async (rounds) => {
        for (const round of rounds) await history.run(round);
        const owners = history.artifacts.filter(({ content }) => content.kind === 'owned').map(ownerOf);
        const [, store] = stores;
        const states = await store.blobOwners.statesOf(owners.map(({ key }) => key));
        expect(states).toEqual(new Map(owners.map(({ key, state }) => [key, state])));
        expect(await store.blobOwners.usage()).toEqual(usageOf(owners));
        expect(await store.blobOwners.usageDrift()).toEqual([]);
      });
      await fc.assert(property, { numRuns: Math.ceil(histories / 2) });
    });

    it('have no drift while commits run', async () => {
      const [one, other] = await pair();
      const uploading = { runs: true };
      const uploads = [one, other].map(async (store) => {
        for (let count = 0; count < 60; count++) {
          const made = Array.from({ length: 5 }, () => owned('log', count, false));
          await Promise.all(made.map((artifact) => store.commit(commitOf([insert('artifact', artifact)]))));
        }
      });
      const ended = Promise.all(uploads).finally(() => (uploading.runs = false));
      while (uploading.runs) {
        expect(await one.blobOwners.usageDrift()).toEqual([]);
        // Reads of a database in memory never return to the event loop. Without this pause, the write queue would never
        // flush the commits.
        await new Promise(setImmediate);
      }
      await ended;
      const usage = await other.blobOwners.usage();
      expect(usage).toEqual([{ kind: 'artifact', type: 'log', count: 600, sizeBytes: 10 * (59 * 30) }]);
    });

    it('are not changed by a repair that finds no drift', async () => {
      const [one, other] = await pair();
      await one.commit(commitOf([insert('artifact', owned('log', 5, false))]));
      await Promise.all([one.blobOwners.repairUsage(), other.blobOwners.repairUsage()]);
      expect(await one.blobOwners.usage()).toEqual([{ kind: 'artifact', type: 'log', count: 1, sizeBytes: 5 }]);
    });
  });
}

import { ownedBlob, type ArtifactRecord, type HistoryRecord } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { mostExamined, type ArtifactFilter } from '../../artifacts/artifact-store.ts';
import type { PageKey } from '../../kernel/page.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { commitOf, newArtifact, newId, ownerOf, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';
import { insert, update } from '../../kernel/commit.ts';

const done = { outcome: 'done', lastSeqs: {} };

/** Contract tests of artifact records: lists, grants and changes of artifacts, and the queries of retention. */
export function artifactRecordsContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);

  const add = async (store: MetadataStore, artifacts: readonly ArtifactRecord[]) => {
    for (let at = 0; at < artifacts.length; at += 100) {
      const some = artifacts.slice(at, at + 100);
      await store.commit(commitOf(some.map((artifact) => insert('artifact', artifact))));
    }
  };

  const listed = async (store: MetadataStore, filter: ArtifactFilter, limit: number) => {
    const seen: ArtifactRecord[] = [];
    const sizes: number[] = [];
    let after: PageKey | undefined;
    do {
      const page = await store.artifacts.list(filter, { limit, after });
      seen.push(...page.items);
      sizes.push(page.items.length);
      after = page.next;
    } while (after !== undefined);
    return { seen, sizes };
  };

  const newestFirst = (artifacts: readonly ArtifactRecord[]) =>
    artifacts.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));

  describe('the list of artifacts', () => {
    it('goes newest first by any fields, in pages, also those of one moment', async () => {
      const store = await fresh();
      expect(await store.artifacts.list({}, { limit: 3, after: undefined })).toEqual({ items: [], next: undefined });
      const made = Array.from({ length: 60 }, (_, i) =>
        newArtifact({
          jobId: i % 3 === 0 ? `j${i % 2}` : null,
          experimentId: i % 3 === 1 ? `e${i % 2}` : null,
          createdBy: `w${i % 4}`,
          status: i % 5 === 0 ? 'approved' : 'draft',
          type: i % 2 === 0 ? 'log' : 'diff',
          createdAt: start + (i % 7),
          purgedAt: i % 11 === 0 ? start : null,
        }),
      );
      await add(store, made);
      const filters: ArtifactFilter[] = [
        {},
        { jobId: 'j0' },
        { experimentId: 'e1' },
        { createdBy: 'w2' },
        { status: 'approved' },
        { type: 'diff', status: 'draft' },
        { jobId: 'j1', createdBy: 'w3', type: 'diff' },
        { experimentId: 'e0', createdBy: 'w0', status: 'draft', type: 'log' },
        { jobId: 'j0', experimentId: 'e0' },
        { createdBy: 'absent' },
        { createdBy: 'w1', status: 'rejected' },
      ];
      for (const filter of filters) {
        const wanted = made.filter((artifact) =>
          Object.entries(filter).every(([field, value]) => artifact[field as 'jobId'] === value),
        );
        for (const limit of [1, 7, 100]) {
          expect((await listed(store, filter, limit)).seen, JSON.stringify(filter)).toEqual(newestFirst(wanted));
        }
      }
    });

    it('looks at a bounded number of rows a page, so that pages are short and none is missed', async () => {
      const store = await fresh();
      const sought = new Set([3, mostExamined - 1, mostExamined, mostExamined + 4, 2 * mostExamined + 40]);
      const made = Array.from({ length: 2 * mostExamined + 50 }, (_, i) =>
        newArtifact({ createdAt: start - i, status: sought.has(i) ? 'approved' : 'draft' }),
      );
      await add(store, made);
      const wanted = made.filter(({ status }) => status === 'approved');
      const { seen, sizes } = await listed(store, { status: 'approved' }, 10);
      expect(seen).toEqual(newestFirst(wanted));
      expect(sizes).toEqual([2, 2, 1]);
      expect(await listed(store, { status: 'rejected' }, 10)).toEqual({ seen: [], sizes: [0, 0, 0] });
      // The cursor of a full page names the last item of the page. If it named the last row that the store read, the
      // next page would omit items.
      expect((await listed(store, { status: 'draft' }, 500)).seen).toHaveLength(made.length - wanted.length);
    });

    it('has an end where the rows end exactly', async () => {
      const store = await fresh();
      await add(
        store,
        Array.from({ length: mostExamined }, (_, i) => newArtifact({ createdAt: start + i })),
      );
      const { sizes } = await listed(store, { status: 'approved' }, 10);
      expect(sizes.reduce((all, size) => all + size, 0)).toBe(0);
      expect(sizes.length).toBeLessThanOrEqual(2);
      expect((await listed(store, {}, 500)).sizes).toEqual([500, 500]);
    });
  });

  describe('an artifact', () => {
    it('is found by its whole uri alone', async () => {
      const store = await fresh();
      const artifact = newArtifact({ experimentId: 'e' });
      await add(store, [artifact]);
      expect(await store.artifacts.findByUri(artifact.uri)).toEqual(artifact);
      const others = [artifact.uri.toUpperCase(), `${artifact.uri} `, `${artifact.uri}/`, artifact.id, '', '\0', '%'];
      for (const uri of others) expect(await store.artifacts.findByUri(uri)).toBeUndefined();
    });

    it('changes only at the version that was read, and keeps where it came from and where its bytes lie', async () => {
      const [one, other] = await pair();
      const artifact = newArtifact({ jobId: 'j', name: 'n' });
      await add(one, [artifact]);
      const pinned: ArtifactRecord = {
        ...artifact,
        status: 'approved',
        title: 'Ü',
        type: 'log',
        tags: ['t'],
        metadata: { a: [1] },
        dataClass: 'sensitive',
        visibility: 'public',
        pinnedAt: start + 1,
        purgedAt: start + 2,
        updatedAt: start + 3,
        version: 2,
      };
      const blob = { ...ownedBlob(artifact), fingerprint: 'f9' };
      const forged = { ...pinned, uri: 'x', createdBy: 'x', jobId: 'x', content: { kind: 'owned', blob } } as const;
      const pin = commitOf([update('artifact', forged, 1)]);
      const outcomes = await Promise.all([one.commit(pin), other.commit(pin)]);
      expect(outcomes).toContainEqual(done);
      const conflict = { kind: 'version', record: 'artifact', id: artifact.id };
      expect(outcomes).toContainEqual({ outcome: 'conflict', conflict });
      expect(await other.artifacts.find(artifact.id)).toEqual(pinned);
      const absent = commitOf([update('artifact', newArtifact(), 1)]);
      expect(await one.commit(absent)).toMatchObject({ conflict: { kind: 'version' } });
    });

    it('changes its file name, its content type and the place of a pointer', async () => {
      const store = await fresh();
      const content = { kind: 'pointer', uri: 's3://b/k', checksum: 'sha256:00', sizeBytes: 1 } as const;
      const artifact = newArtifact({ content, storageProvider: 's3', contentType: null });
      await add(store, [artifact]);
      const moved: ArtifactRecord = {
        ...artifact,
        filename: 'a.pdf',
        contentType: 'application/pdf',
        storageProvider: 'external-url',
        content: { kind: 'pointer', uri: 'https://h.example/a', checksum: null, sizeBytes: null },
        version: 2,
      };
      expect(await store.commit(commitOf([update('artifact', moved, 1)]))).toEqual(done);
      expect(await store.artifacts.find(artifact.id)).toEqual(moved);
    });

    it('has a history, newest first and in pages, that is written with the change or not at all', async () => {
      const [one, other] = await pair();
      const artifact = newArtifact();
      await add(one, [artifact, newArtifact({ id: 'another' })]);
      const entry = (at: number, over: Partial<HistoryRecord> = {}): HistoryRecord => ({
        ...{ id: newId(), artifactId: artifact.id, at: start + at, actor: 'admin', decision: 'submit' },
        ...{ from: 'draft', to: 'needs-review', digest: null, note: null, comments: null },
        ...over,
      });
      const comments = [{ path: 'a.ts', line: 3, side: 'new', quote: 'x', text: 'Why?' }] as const;
      const entries = [
        entry(0),
        entry(1, { decision: 'reject', to: 'rejected', digest: 'sha256:00', note: 'Ü', comments }),
        entry(1),
        entry(2),
      ];
      for (const [index, made] of entries.entries()) {
        const changes = [update('artifact', artifact, index + 1), insert('artifact-history', made)];
        expect(await [one, other][index % 2]!.commit(commitOf(changes))).toEqual(done);
      }
      const late = [update('artifact', artifact, 2), insert('artifact-history', entry(9))];
      expect(await other.commit(commitOf(late))).toMatchObject({ outcome: 'conflict' });
      await one.commit(commitOf([insert('artifact-history', entry(5, { artifactId: 'another' }))]));
      const seen: HistoryRecord[] = [];
      for (let after: PageKey | undefined; ;) {
        const page = await other.artifacts.historyOf(artifact.id, { limit: 3, after });
        seen.push(...page.items);
        after = page.next;
        if (after === undefined) break;
      }
      expect(seen).toEqual(entries.toReversed());
      expect(await one.artifacts.historyOf('absent', { limit: 3, after: undefined })).toMatchObject({ items: [] });
    });

    it('is granted to each reader once, whoever grants', async () => {
      const [one, other] = await pair();
      const grant = (reader: string, grantedBy = 'admin', grantedAt = start) =>
        commitOf([insert('grant', { artifactId: 'a', reader, grantedBy, grantedAt }, 'keep')]);
      expect(await one.commit(grant('w2'))).toEqual(done);
      const again = await Promise.all(
        [one, other, one].map((store, i) => store.commit(grant('w2', `w${i}`, start + 1))),
      );
      expect(again).toEqual([done, done, done]);
      await other.commit(grant('w1', 'w9', start + 5));
      expect(await one.artifacts.readersOf('a')).toEqual(['w1', 'w2']);
      expect(await one.artifacts.readersOf('b')).toEqual([]);
      const kept = { artifactId: 'a', reader: 'w2', grantedBy: 'admin', grantedAt: start };
      expect(await other.artifacts.grantOf('a', 'w2')).toEqual(kept);
      expect(await other.artifacts.grantOf('a', 'w3')).toBeUndefined();
    });
  });

  describe('retention', () => {
    it('counts what is kept by type, and a purged record owns no bytes', async () => {
      const store = await fresh();
      expect(await store.blobOwners.usage()).toEqual([]);
      const purged = newArtifact({ type: 'log', purgedAt: start });
      const kept = [newArtifact({ type: 'log' }), newArtifact({ type: 'log' }), newArtifact({ type: 'diff' })];
      await add(store, [purged, ...kept]);
      const { sizeBytes } = ownedBlob(purged);
      const usage = await store.blobOwners.usage();
      expect(usage.toSorted((a, b) => (a.type < b.type ? -1 : 1))).toEqual([
        { kind: 'artifact', type: 'diff', count: 1, sizeBytes },
        { kind: 'artifact', type: 'log', count: 2, sizeBytes: 2 * sizeBytes },
      ]);
      const keys = [purged, ...kept].map((one) => ownedBlob(one).key);
      expect(await store.blobOwners.statesOf([...keys, 'absent'])).toEqual(
        new Map(keys.map((key, index) => [key, index === 0 ? 'released' : 'owned'])),
      );
      const owned = kept.map(ownerOf);
      expect(await store.blobOwners.listOwned(undefined, 10)).toEqual(owned);
      expect(await store.blobOwners.listOwned(owned[0]!.key, 1)).toEqual([owned[1]]);
    });

    it('finds what is old enough, neither pinned nor purged, oldest first, in steps', async () => {
      const store = await fresh();
      const made = Array.from({ length: 40 }, (_, i) =>
        newArtifact({
          type: i % 2 === 0 ? 'log' : 'diff',
          createdAt: start + (i % 5),
          pinnedAt: i % 7 === 0 ? start : null,
          purgedAt: i % 11 === 0 ? start : null,
        }),
      );
      await add(store, made);
      const olderThan = start + 4;
      const wanted = newestFirst(made)
        .reverse()
        .filter((one) => one.type === 'log' && one.createdAt < olderThan && !one.pinnedAt && !one.purgedAt);
      const seen: ArtifactRecord[] = [];
      for (;;) {
        const last = seen.at(-1);
        const after = last === undefined ? undefined : { at: last.createdAt, id: last.id };
        const some = await store.artifacts.expirable({ type: 'log', olderThan }, after, 3);
        if (some.length === 0) break;
        seen.push(...some);
      }
      expect(seen).toEqual(wanted);
      expect(wanted.length).toBeGreaterThan(5);
      expect(await store.artifacts.expirable({ type: 'report', olderThan }, undefined, 3)).toEqual([]);
    });
  });
}

import type { SeenWorker } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';

/** Contract tests of worker presence, and of the hints between servers. */
export function presenceContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);
  const worker = (over: Partial<SeenWorker> = {}): SeenWorker => ({
    workerId: 'w',
    lastSeenAt: start,
    capabilities: [],
    types: undefined,
    repositories: undefined,
    version: undefined,
    ...over,
  });

  describe('presence', () => {
    it('keeps every field, and the difference between no list and an empty one', async () => {
      const store = await fresh();
      const all = worker({
        workerId: 'ünï',
        lastSeenAt: start + 1,
        capabilities: ['git', 'ü'],
        types: ['task'],
        repositories: [],
        version: 'proofhouse/0.1.0',
      });
      await store.presence.save([worker(), all]);
      expect(await store.presence.seenSince(start, 10)).toEqual([all, worker()]);
      await store.presence.save([]);
    });

    it('the later sighting stays, whichever server writes first', async () => {
      const [one, other] = await pair();
      await one.presence.save([worker({ lastSeenAt: start + 5, version: 'new' })]);
      await other.presence.save([worker({ version: 'old' })]);
      expect(await one.presence.seenSince(start, 10)).toEqual([worker({ lastSeenAt: start + 5, version: 'new' })]);
      await other.presence.save([worker({ lastSeenAt: start + 6, types: ['task'] })]);
      expect(await one.presence.seenSince(start, 10)).toEqual([worker({ lastSeenAt: start + 6, types: ['task'] })]);
    });

    it('lists newest first, in pages, and nobody who was seen before', async () => {
      const store = await fresh();
      const workers = Array.from({ length: 40 }, (_, i) => worker({ workerId: `w${i}`, lastSeenAt: start + (i % 7) }));
      await store.presence.save(workers);
      const order = workers
        .filter(({ lastSeenAt }) => lastSeenAt >= start + 2)
        .toSorted((a, b) => b.lastSeenAt - a.lastSeenAt || (a.workerId < b.workerId ? 1 : -1));
      const listed: SeenWorker[] = [];
      for (;;) {
        const last = listed.at(-1);
        const after = last === undefined ? undefined : { at: last.lastSeenAt, id: last.workerId };
        const page = await store.presence.seenSince(start + 2, 6, after);
        if (page.length === 0) break;
        listed.push(...page);
      }
      expect(listed).toEqual(order);
    });

    it('forgets workers of another day, and takes thousands at once from two servers', async () => {
      const [one, other] = await pair();
      await one.presence.save([worker({ workerId: 'gone' })]);
      const day = 24 * 60 * 60 * 1000;
      const crowd = Array.from({ length: 1200 }, (_, i) => worker({ workerId: `w${i}`, lastSeenAt: start + day + 1 }));
      await Promise.all([one.presence.save(crowd), other.presence.save(crowd.toReversed())]);
      const cleaner = one.cleaners.find(({ name }) => name.startsWith('workers'));
      expect(await cleaner?.clean(start + day, 10)).toBe(0);
      expect(await cleaner?.clean(start + day + 1, 10)).toBe(1);
      const seen = await one.presence.seenSince(0, 2000);
      expect(seen.map(({ workerId }) => workerId).toSorted()).toEqual(crowd.map(({ workerId }) => workerId).toSorted());
    });
  });

  describe('hints', () => {
    it('reach the other server, or there is no channel', async () => {
      const [one, other] = await pair();
      if (one.hintChannel === undefined) return;
      const received: string[] = [];
      await one.hintChannel.listen(
        (message) => received.push(message),
        () => undefined,
      );
      await other.hintChannel?.send('first');
      await other.hintChannel?.send('ü'.repeat(3500));
      await expect.poll(() => received.length).toBe(2);
      expect(received).toEqual(['first', 'ü'.repeat(3500)]);
      await other.close();
      await other.hintChannel?.send('after the end');
      await one.hintChannel.send('own');
      await expect.poll(() => received.at(-1)).toBe('own');
      expect(received).toHaveLength(3);
    });
  });
}

import { describe, expect, it } from 'vitest';
import { commitOf, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';
import { exists, insert, update } from '../../kernel/commit.ts';
import { admin, allPages, byIdOnTies, done, ids, newExperiment, rulesOn, type Rules } from './experiment-records.ts';

/** Contract tests of experiments. */
export function experimentsContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);

  describe('experiments', () => {
    it('are added once, whoever is first, and updated only at the version that was read', async () => {
      const [one, other] = await pair();
      const experiment = newExperiment({ name: 'ünï' });
      const add = commitOf([insert('experiment', experiment, 'conflict')]);
      const outcomes = await Promise.all([one.commit(add), other.commit(add)]);
      expect(outcomes).toContainEqual(done);
      expect(outcomes).toContainEqual({
        outcome: 'conflict',
        conflict: { kind: 'exists', record: 'experiment', id: experiment.id },
      });
      expect(await other.experiments.find(experiment.id)).toEqual(experiment);
      expect(await one.experiments.find('absent')).toBeUndefined();
      const renamed = { ...experiment, name: 'new', version: 2 };
      const rename = commitOf([update('experiment', renamed, 1)]);
      expect(await one.commit(rename)).toEqual(done);
      expect(await one.commit(rename)).toEqual({
        outcome: 'conflict',
        conflict: { kind: 'version', record: 'experiment', id: experiment.id },
      });
      expect(await one.experiments.find(experiment.id)).toEqual(renamed);
      const needed = commitOf([], { preconditions: [exists('experiment', 'absent')] });
      const missing = { kind: 'missing', record: 'experiment', id: 'absent' };
      expect(await one.commit(needed)).toEqual({ outcome: 'conflict', conflict: missing });
    });

    it('are listed newest first, in pages, also those of one moment', async () => {
      const store = await fresh();
      expect(await store.experiments.list({ limit: 5, after: undefined })).toEqual({ items: [], next: undefined });
      const made = Array.from({ length: 13 }, (_, i) => newExperiment({ createdAt: start + (i % 3) }));
      await store.commit(commitOf(made.map((experiment) => insert('experiment', experiment, 'conflict'))));
      const listed = await allPages((after) => store.experiments.list({ limit: 4, after }));
      expect(listed).toEqual(made.toSorted(byIdOnTies).reverse());
    });

    it('have their standing groups from the start, also when two servers make one', async () => {
      const [one, other] = (await pair()).map(rulesOn) as [Rules, Rules];
      const id = ids.experimentId();
      const made = await Promise.all([one, other, one, other].map(({ experiments }) => experiments.ensure(id)));
      expect(new Set(made.map((experiment) => JSON.stringify(experiment))).size).toBe(1);
      const { items } = await one.groups.list(id, { limit: 50 });
      expect(items.map(({ name }) => name).toSorted()).toEqual(['admins', 'orchestrators']);
      await expect(one.experiments.create(admin, { experimentId: id })).rejects.toMatchObject({
        code: 'already_exists',
      });
      expect(await one.experiments.find(id)).toMatchObject({ id, createdBy: 'admin', version: 1 });
    });
  });
}

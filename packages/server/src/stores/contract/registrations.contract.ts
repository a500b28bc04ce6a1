import { describe, expect, it } from 'vitest';
import { Ids } from '../../kernel/ids.ts';
import { ManualClock } from '../../kernel/time/manual-clock.ts';
import { sha256Hex } from '../../kernel/secret.ts';
import { Experiments } from '../../experiments/experiments.ts';
import { Workers } from '../../workers/workers.ts';
import { noSecretPolicy } from '../../secrets/testing/no-secret-policy.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { commitOf, newWorker, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';
import { insert, raise } from '../../kernel/commit.ts';

const admin = { kind: 'admin' } as const;
const hour = 60 * 60 * 1000;

/** Contract tests of the workers of an experiment and the registration tokens of these workers. */
export function registrationsContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);

  const rulesOn = async (...stores: MetadataStore[]) => {
    const clock = new ManualClock(start);
    const ids = new Ids(clock);
    const secrets = noSecretPolicy();
    const [store] = stores;
    const experiments = new Experiments({ store: store!.experiments, commits: store!, clock, ids, secrets });
    const { id } = await experiments.create(admin, {});
    const workers = stores.map((each) => new Workers({ store: each.workers, commits: each, clock, ids, secrets }));
    return { clock, id, workers, one: workers[0]! };
  };

  describe('a registration', () => {
    it('makes a new worker each time, and its token alone opens the experiment', async () => {
      const store = await fresh();
      const { one, id, clock } = await rulesOn(store);
      const input = { name: 'bob', labels: { zone: 'ü', '\0': '' } };
      const first = await one.register(admin, id, input);
      const second = await one.register(admin, id, input);
      expect(first.worker).toEqual({
        id: expect.stringMatching(/^wkr_/),
        name: 'bob',
        experimentId: id,
        labels: input.labels,
        createdBy: 'admin',
        createdAt: clock.now(),
        version: 1,
        registrationEpoch: 1,
      });
      expect(second.worker.id > first.worker.id).toBe(true);
      expect(first.token).toMatch(/^phw_[a-z2-7]{52}$/);
      expect(await one.getRegistered(id, first.worker.id)).toEqual(first.worker);
      const principal = { kind: 'worker', workerId: first.worker.id, policy: {} };
      expect(await one.authenticate(first.token, first.worker.id)).toEqual({ principal, registeredIn: id });
      expect(await one.authenticate(first.token, second.worker.id)).toBeUndefined();
      expect(await one.authenticate(`${first.token}x`)).toBeUndefined();
      expect(await store.workers.findCredentialBySecret(first.token)).toBeUndefined();
      const kept = await store.workers.findCredentialBySecret(sha256Hex(first.token));
      expect(kept).toMatchObject({ experimentId: id, workerId: first.worker.id, expiresAt: null });
    });

    it('needs its experiment and a name that may be', async () => {
      const { one, id } = await rulesOn(await fresh());
      const absent = one.register(admin, 'exp_absent', {});
      await expect(absent).rejects.toMatchObject({ code: 'experiment_not_found' });
      for (const name of ['admin', 'SYSTEM', 'Internal'])
        await expect(one.register(admin, id, { name })).rejects.toMatchObject({ code: 'reserved_identifier' });
      for (const name of ['', ' ', ' bob', 'a\nb', 'x'.repeat(129)])
        await expect(one.register(admin, id, { name })).rejects.toMatchObject({ code: 'invalid_name' });
      expect((await one.listRegistered(id, { limit: 5 })).items).toEqual([]);
    });

    it('is used like any token: noted at most once an hour, listed without its secret, revoked', async () => {
      const store = await fresh();
      const { one, id, clock } = await rulesOn(store);
      const { worker, token } = await one.register(admin, id, {});
      await one.authenticate(token);
      clock.advance(hour - 1);
      await one.authenticate(token);
      const listed = async () => (await one.listTokens({ workerId: worker.id, limit: 5 })).items;
      expect(await listed()).toMatchObject([{ lastUsedAt: start, experimentId: id }]);
      clock.advance(1);
      await one.authenticate(token);
      const [credential] = await listed();
      expect(credential).toMatchObject({ lastUsedAt: start + hour });
      await one.revokeToken(credential!.id);
      expect(await one.authenticate(token)).toBeUndefined();
      const { token: fresher } = await one.reissue(admin, id, worker.id);
      expect(await one.authenticate(fresher)).toMatchObject({ registeredIn: id });
      expect(await listed()).toMatchObject([{ revokedAt: null }, { id: credential!.id, revokedAt: start + hour }]);
    });

    it('gives way to a new one at once, while queue tokens of the worker stay', async () => {
      const { one, id } = await rulesOn(await fresh());
      const { worker, token } = await one.register(admin, id, { labels: { a: 'b' } });
      const other = await one.register(admin, id, {});
      const queue = await one.createToken(admin, { workerId: worker.id });
      const { token: next } = await one.reissue(admin, id, worker.id);
      expect(await one.authenticate(token)).toBeUndefined();
      expect(await one.authenticate(next, worker.id)).toMatchObject({ registeredIn: id });
      expect(await one.authenticate(queue.token)).toEqual({
        principal: { kind: 'worker', workerId: worker.id, policy: {} },
        registeredIn: null,
      });
      expect(await one.authenticate(other.token)).toMatchObject({ registeredIn: id });
      expect(await one.getRegistered(id, worker.id)).toEqual({ ...worker, registrationEpoch: 2 });
      await expect(one.reissue(admin, 'exp_other', worker.id)).rejects.toMatchObject({ code: 'not_found' });
      await expect(one.reissue(admin, id, 'absent')).rejects.toMatchObject({ code: 'not_found' });
      await one.createToken(admin, { workerId: 'w' });
      await expect(one.reissue(admin, id, 'w')).rejects.toMatchObject({ code: 'not_found' });
    });

    it('leaves exactly one token, whoever asks for new ones at the same time', async () => {
      const { workers, one, id } = await rulesOn(...(await pair()));
      const { worker, token } = await one.register(admin, id, {});
      for (let round = 0; round < 5; round++) {
        const made = await Promise.all(
          Array.from({ length: 12 }, (_, i) => workers[i % workers.length]!.reissue(admin, id, worker.id)),
        );
        const opened = await Promise.all(made.map((each) => one.authenticate(each.token)));
        expect(opened.filter((each) => each !== undefined)).toHaveLength(1);
        const { token: last } = await workers.at(-1)!.reissue(admin, id, worker.id);
        expect(await one.authenticate(last)).toBeDefined();
        for (const each of made) expect(await one.authenticate(each.token)).toBeUndefined();
      }
      expect(await one.authenticate(token)).toBeUndefined();
    });

    it('of an earlier epoch is refused although nobody revoked it, while a queue token has no epoch', async () => {
      const store = await fresh();
      const { one, id } = await rulesOn(store);
      const { worker, token } = await one.register(admin, id, {});
      const queue = await one.createToken(admin, { workerId: worker.id });
      await store.commit(commitOf([raise({ record: 'worker', id: worker.id, counter: 'registrationEpoch' })]));
      expect(await one.authenticate(token)).toBeUndefined();
      expect(await one.authenticate(queue.token)).toMatchObject({ registeredIn: null });
      const { items } = await one.listTokens({ workerId: worker.id, limit: 9 });
      expect(items.map(({ revokedAt, registrationEpoch }) => [revokedAt, registrationEpoch])).toEqual([
        [null, null],
        [null, 1],
      ]);
      const { token: next } = await one.reissue(admin, id, worker.id);
      expect(await one.authenticate(next)).toMatchObject({ registeredIn: id });
      expect(await store.workers.liveRegistrations(worker.id, 9)).toMatchObject([{ registrationEpoch: 3 }]);
    });

    it('of a worker that is not there is refused and writes nothing', async () => {
      const store = await fresh();
      const change = raise({ record: 'worker', id: 'absent', counter: 'registrationEpoch' });
      const conflict = { kind: 'missing', record: 'worker', id: 'absent' };
      expect(await store.commit(commitOf([change]))).toEqual({ outcome: 'conflict', conflict });
    });
  });

  describe('registered workers', () => {
    it('are listed oldest first, by name, in pages, also those of one moment, of one experiment', async () => {
      const store = await fresh();
      const made = Array.from({ length: 20 }, (_, i) =>
        newWorker({ experimentId: 'e', name: i % 4 === 0 ? null : `n${i % 2}`, createdAt: start + (i % 3) }),
      );
      const all = [...made, newWorker({ experimentId: 'f', name: 'n1' }), newWorker({ name: 'n1' })];
      await store.commit(commitOf(all.map((worker) => insert('worker', worker, 'keep'))));
      for (const name of [undefined, 'n1', 'absent']) {
        const seen = [];
        let after;
        do {
          const page = await store.workers.listWorkers({ experimentId: 'e', name }, { limit: 3, after });
          seen.push(...page.items);
          after = page.next;
        } while (after !== undefined);
        const wanted = made.filter((worker) => name === undefined || worker.name === name);
        expect(seen).toEqual(wanted.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)));
      }
      expect(await store.workers.findWorker(made[0]!.id)).toEqual(made[0]);
      expect(await store.workers.findWorker('absent')).toBeUndefined();
    });

    it('are paged by cursors of their own list, and found by a name in any form', async () => {
      const { one, id } = await rulesOn(await fresh());
      const made = [];
      for (const name of ['a', 'e\u0301', 'c']) made.push((await one.register(admin, id, { name })).worker);
      const first = await one.listRegistered(id, { limit: 2 });
      expect(first.items).toEqual(made.slice(0, 2));
      const cursor = first.nextCursor!;
      expect(await one.listRegistered(id, { limit: 2, cursor })).toEqual({ items: [made[2]], nextCursor: null });
      const misused = one.listRegistered(id, { limit: 2, cursor, name: 'a' });
      await expect(misused).rejects.toMatchObject({ code: 'invalid_cursor' });
      expect((await one.listRegistered(id, { limit: 2, name: 'é' })).items).toEqual([made[1]]);
    });
  });
}

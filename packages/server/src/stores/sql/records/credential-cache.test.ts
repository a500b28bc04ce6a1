import { describe, expect, it } from 'vitest';
import { commitOf, newArtifact, newCredential, newWorker, start } from '../../contract/records.ts';
import { CredentialCache } from './credential-cache.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import { SqlMetadataStore } from '../sql-metadata-store.ts';
import { insert, raise, update } from '../../../kernel/commit.ts';

describe('cached credentials', () => {
  const credential = newCredential({
    secretSha256: 'hash',
    experimentId: 'exp',
    registrationEpoch: 1,
    lastUsedAt: start,
  });

  it.each([
    ['another is made', insert('credential', newCredential())],
    ['it is changed', update('credential', { ...credential, revokedAt: start }, 1)],
    ['those of its worker are revoked', raise({ record: 'worker', id: 'w1', counter: 'registrationEpoch' })],
  ] as const)('are read again once %s', async (_, change) => {
    const engine = await openSqliteEngine(':memory:');
    const cache = new CredentialCache();
    const [store, other] = [new SqlMetadataStore(engine, cache), new SqlMetadataStore(engine, cache)];
    const made = await store.commit(
      commitOf([insert('worker', newWorker({ id: 'w1' }), 'keep'), insert('credential', credential)]),
    );
    expect(made.outcome).toBe('done');
    const find = () => store.workers.findCredentialBySecret('hash');
    const read = await find();
    expect(read).toEqual(credential);
    expect(await find()).toBe(read);
    await store.commit(commitOf([insert('artifact', newArtifact())]));
    expect(await find()).toBe(read);
    expect((await other.commit(commitOf([change]))).outcome).toBe('done');
    const again = await find();
    expect(again).not.toBe(read);
    await store.workers.touchCredential(credential.id, start + 5);
    if (change.kind === 'raise') {
      expect([again, await find()]).toEqual([undefined, undefined]);
    } else {
      expect(again?.revokedAt).toBe(change.kind === 'insert' ? null : start);
      expect((await find())?.lastUsedAt).toBe(start + 5);
    }
    await store.close();
  });

  it('do not include unknown ones, and are ten thousand at most', async () => {
    const engine = await openSqliteEngine(':memory:');
    const store = new SqlMetadataStore(engine);
    expect(await store.workers.findCredentialBySecret('later')).toBeUndefined();
    const later = newCredential({ secretSha256: 'later' });
    await store.commit(commitOf([insert('credential', later)]));
    expect(await store.workers.findCredentialBySecret('later')).toEqual(later);
    await store.close();
    const cache = new CredentialCache();
    const keep = (hash: string) => cache.find('worker', [hash], () => Promise.resolve(newCredential()));
    const has = async (hash: string): Promise<boolean> =>
      (await cache.find('worker', [hash], () => Promise.resolve(undefined))) !== undefined;
    for (let n = 0; n <= 10_000; n++) await keep(`hash-${n}`);
    expect([await has('hash-0'), await has('hash-10000')]).toEqual([false, true]);
  });

  it('do not include one that was read before a change and arrives after it', async () => {
    const cache = new CredentialCache();
    let answer = (_: typeof credential): void => undefined;
    const slow = cache.find('worker', ['hash'], () => new Promise((settle) => (answer = settle)));
    cache.committed([update('credential', { ...credential, revokedAt: start }, 1)]);
    answer(credential);
    expect(await slow).toBe(credential);
    expect(await cache.find('worker', ['hash'], () => Promise.resolve(undefined))).toBeUndefined();
  });
});

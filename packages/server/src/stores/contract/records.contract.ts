import { ownedBlob, decideJob, type ArtifactRecord } from '@proofhouse/core';
import type { BlobOwner } from '../../kernel/blob-owners.ts';
import { describe, expect, it } from 'vitest';
import {
  claimBy,
  commitOf,
  key,
  newArtifact,
  newCredential,
  newId,
  newJob,
  newWorker,
  ownerOf,
  start,
} from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';
import { exists, insert, update } from '../../kernel/commit.ts';

export function recordsContract(harness: StoreHarness): void {
  const { fresh } = storesOf(harness);
  const add = (artifact: ArtifactRecord) => commitOf([insert('artifact', artifact)]);

  describe('commit', () => {
    it('writes all changes together', async () => {
      const store = await fresh();
      const job = newJob();
      await store.jobs.enqueue(job);
      const artifact = newArtifact({ jobId: job.id, name: 'out/a.txt', tags: ['ü', '\0'], metadata: { deep: [1] } });
      const credential = newCredential({
        policy: { allowedJobTypes: ['task'], capabilities: [] },
        description: 'mine',
      });
      const worker = newWorker({ id: 'w1' });
      const done = await store.commit(
        commitOf([
          { kind: 'take-path', jobId: job.id, path: 'out/a.txt', as: 'file' },
          { kind: 'take-path', jobId: job.id, path: 'out', as: 'folder' },
          insert('artifact', artifact),
          { kind: 'append-event', jobId: job.id, event: { kind: 'artifact_uploaded', level: 'info', message: 'One.' } },
          {
            kind: 'append-event',
            jobId: job.id,
            event: { kind: 'note', level: 'warn', message: 'Two.', payload: { n: 1 } },
          },
          insert('worker', worker, 'keep'),
          insert('worker', worker, 'keep'),
          insert('credential', credential),
        ]),
      );
      expect(done).toEqual({ outcome: 'done', lastSeqs: { [job.id]: 3 } });
      expect(await store.artifacts.find(artifact.id)).toEqual(artifact);
      expect(await store.workers.findCredential(credential.id)).toEqual(credential);
      expect(await store.jobs.events(job.id, 1, 10)).toEqual([
        { jobId: job.id, seq: 2, kind: 'artifact_uploaded', level: 'info', message: 'One.', createdAt: start },
        { jobId: job.id, seq: 3, kind: 'note', level: 'warn', message: 'Two.', payload: { n: 1 }, createdAt: start },
      ]);
    });

    it('writes nothing when one change conflicts', async () => {
      const store = await fresh();
      const artifact = newArtifact();
      const idempotency = key({ resourceId: artifact.id });
      const event = { kind: 'note', level: 'info', message: 'x' } as const;
      const refused = await store.commit({
        ...commitOf([insert('artifact', artifact), { kind: 'append-event', jobId: 'absent', event }]),
        idempotency,
      });
      expect(refused).toEqual({ outcome: 'conflict', conflict: { kind: 'missing', record: 'job', id: 'absent' } });
      expect(await store.artifacts.find(artifact.id)).toBeUndefined();
      expect(await store.commit({ ...add(artifact), idempotency })).toEqual({ outcome: 'done', lastSeqs: {} });
    });

    it('checks that the job exists and is held', async () => {
      const store = await fresh();
      const job = newJob();
      const jobExists = exists('job', job.id);
      expect(await store.commit(commitOf([], { preconditions: [jobExists] }))).toEqual({
        outcome: 'conflict',
        conflict: { kind: 'missing', record: 'job', id: job.id },
      });
      await store.jobs.enqueue(job);
      await store.jobs.claim(claimBy('w', { leaseIds: ['l'], leaseMs: 10 }));
      const held = (leaseId: string | undefined, workerId = 'w') =>
        ({ kind: 'job-held', jobId: job.id, fence: { workerId, leaseId } }) as const;
      const tryWith = (condition: ReturnType<typeof held>, now = start) =>
        store.commit(commitOf([], { preconditions: [jobExists, condition], now }));
      expect(await tryWith(held('l'))).toEqual({ outcome: 'done', lastSeqs: {} });
      expect(await tryWith(held(undefined))).toEqual({ outcome: 'done', lastSeqs: {} });
      const refused = (code: string) => ({ outcome: 'conflict', conflict: { kind: 'fence', refusal: { code } } });
      expect(await tryWith(held('other'))).toMatchObject(refused('lease_lost'));
      expect(await tryWith(held('l'), start + 10)).toMatchObject(refused('lease_lost'));
      expect(await tryWith(held(undefined, 'x'))).toMatchObject(refused('job_ownership_mismatch'));
      expect(await store.commit(commitOf([], { preconditions: [{ ...held('l'), jobId: 'absent' }] }))).toMatchObject({
        conflict: { kind: 'missing', record: 'job' },
      });
    });

    it('checks that the job is over', async () => {
      const store = await fresh();
      const job = newJob();
      const tryNow = () => store.commit(commitOf([], { preconditions: [{ kind: 'job-over', jobId: job.id }] }));
      expect(await tryNow()).toMatchObject({ conflict: { kind: 'missing', record: 'job' } });
      await store.jobs.enqueue(job);
      const refused = { outcome: 'conflict', conflict: { kind: 'fence', refusal: { code: 'job_state_conflict' } } };
      expect(await tryNow()).toMatchObject(refused);
      await store.jobs.claim(claimBy('w', { leaseIds: ['l'], leaseMs: 10 }));
      expect(await tryNow()).toMatchObject(refused);
      await store.jobs.apply(job.id, (found) =>
        decideJob(found, { kind: 'complete', fence: { workerId: 'w', leaseId: 'l' }, resultSummary: null }, start),
      );
      expect(await tryNow()).toEqual({ outcome: 'done', lastSeqs: {} });
    });

    it('takes a path once as a file or as a folder, never both', async () => {
      const store = await fresh();
      const take = (path: string, as: 'file' | 'folder', jobId = 'j') =>
        store.commit(commitOf([{ kind: 'take-path', jobId, path, as }]));
      const done = { outcome: 'done', lastSeqs: {} };
      expect(await take('a', 'folder')).toEqual(done);
      expect(await take('a', 'folder')).toEqual(done);
      expect(await take('a', 'file', 'k')).toEqual(done);
      const conflict = { kind: 'path', path: 'a', is: 'folder' };
      expect(await take('a', 'file')).toEqual({ outcome: 'conflict', conflict });
      expect(await take('A', 'file')).toEqual(done);
      expect(await take('A', 'folder')).toMatchObject({ conflict: { path: 'A', is: 'file' } });
    });

    it('answers a repeated key with the first resource, and another request with a conflict', async () => {
      const store = await fresh();
      const [first, second] = [newArtifact(), newArtifact()];
      expect(await store.commit({ ...add(first), idempotency: key({ resourceId: first.id }) })).toEqual({
        outcome: 'done',
        lastSeqs: {},
      });
      const repeated = await store.commit({ ...add(second), idempotency: key({ resourceId: second.id }) });
      expect(repeated).toEqual({ outcome: 'repeated', resourceId: first.id });
      const other = await store.commit({ ...add(second), idempotency: key({ fingerprint: 'other' }) });
      expect(other).toEqual({ outcome: 'conflict', conflict: { kind: 'idempotency' } });
      expect(await store.artifacts.find(second.id)).toBeUndefined();
      const later = { ...add(second), idempotency: key({ fingerprint: 'other', expiresAt: start + 10 ** 9 }) };
      expect(await store.commit({ ...later, now: start + 86_400_000 })).toEqual({ outcome: 'done', lastSeqs: {} });
    });

    it('replaces a credential only at the version that was read', async () => {
      const store = await fresh();
      const credential = newCredential();
      await store.commit(commitOf([insert('credential', credential)]));
      const revoked = { ...credential, revokedAt: start + 1, version: 2 };
      const revoke = () => store.commit(commitOf([update('credential', revoked, 1)]));
      expect(await revoke()).toEqual({ outcome: 'done', lastSeqs: {} });
      const conflict = { kind: 'version', record: 'credential', id: credential.id };
      expect(await revoke()).toEqual({ outcome: 'conflict', conflict });
      expect(await store.workers.findCredential(credential.id)).toEqual(revoked);
    });

    it('a record that is there already is an internal error and undoes the commit', async () => {
      const store = await fresh();
      const artifact = newArtifact();
      await store.commit(add(artifact));
      const fine = newArtifact();
      for (const taken of [{ content: artifact.content }, { uri: artifact.uri }, { id: artifact.id }]) {
        const both = [fine, { ...newArtifact(), ...taken }].map((each) => insert('artifact', each));
        await expect(store.commit(commitOf(both))).rejects.toMatchObject({ code: 'internal' });
        expect(await store.artifacts.find(fine.id)).toBeUndefined();
        expect(await store.artifacts.find(artifact.id)).toEqual(artifact);
      }
      expect(await store.commit(add(fine))).toEqual({ outcome: 'done', lastSeqs: {} });
    });
  });

  describe('artifacts', () => {
    it('lists a job newest first, by name and by maker, and knows the newest of a name', async () => {
      const store = await fresh();
      const made = Array.from({ length: 30 }, (_, i) =>
        newArtifact({ jobId: 'j', name: `n${i % 3}`, createdBy: `w${i % 2}`, createdAt: start + (i % 5) }),
      );
      await store.commit(
        commitOf([...made, newArtifact({ jobId: 'k' })].map((artifact) => insert('artifact', artifact))),
      );
      const order = made.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
      const filters = [{}, { name: 'n1' }, { createdBy: 'w1' }, { name: 'n2', createdBy: 'w0' }, { name: 'absent' }];
      for (const filter of filters) {
        const wanted = order.filter((artifact) =>
          Object.entries(filter).every(([field, value]) => artifact[field as 'name'] === value),
        );
        const seen: ArtifactRecord[] = [];
        let after;
        do {
          const page = await store.artifacts.listOfJob({ jobId: 'j', ...filter }, { limit: 4, after });
          seen.push(...page.items);
          after = page.next;
        } while (after !== undefined);
        expect(seen).toEqual(wanted);
      }
      expect(await store.artifacts.newestOfJob('j', 'n2')).toEqual(order.find(({ name }) => name === 'n2'));
      expect(await store.artifacts.newestOfJob('j', 'absent')).toBeUndefined();
    });

    it('knows which keys are owned, walks all that own, and keeps a new fingerprint', async () => {
      const store = await fresh();
      const made = Array.from({ length: 7 }, () => newArtifact());
      await store.commit(commitOf(made.map((artifact) => insert('artifact', artifact))));
      const keys = made.map((artifact) => ownedBlob(artifact).key);
      expect(await store.blobOwners.statesOf([keys[0]!, 'absent', 'nul\0', keys[4]!])).toEqual(
        new Map([
          [keys[0], 'owned'],
          [keys[4], 'owned'],
        ]),
      );
      expect(await store.blobOwners.statesOf([])).toEqual(new Map());
      const walked: BlobOwner[] = [];
      for (;;) {
        const some = await store.blobOwners.listOwned(walked.at(-1)?.key, 3);
        if (some.length === 0) break;
        walked.push(...some);
      }
      expect(walked).toEqual(made.map(ownerOf));
      await store.artifacts.refreshFingerprint(made[0]!.id, 'f2');
      const blob = { ...ownedBlob(made[0]!), fingerprint: 'f2' };
      expect((await store.artifacts.find(made[0]!.id))?.content).toEqual({ kind: 'owned', blob });
    });
  });

  describe('workers and settings', () => {
    it('finds credentials by secret, lists them newest first, and notes their use', async () => {
      const store = await fresh();
      const made = Array.from({ length: 9 }, (_, i) =>
        newCredential({ workerId: `w${i % 2}`, createdAt: start + (i % 3) }),
      );
      await store.commit(commitOf(made.map((credential) => insert('credential', credential))));
      expect(await store.workers.findCredentialBySecret(made[3]!.secretSha256)).toEqual(made[3]);
      expect(await store.workers.findCredentialBySecret('absent')).toBeUndefined();
      expect(await store.workers.findCredential('absent')).toBeUndefined();
      const order = made.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
      for (const workerId of [undefined, 'w1', 'absent']) {
        const seen = [];
        let after;
        do {
          const page = await store.workers.listCredentials({ workerId }, { limit: 2, after });
          seen.push(...page.items);
          after = page.next;
        } while (after !== undefined);
        expect(seen).toEqual(order.filter((one) => workerId === undefined || one.workerId === workerId));
      }
      await store.workers.touchCredential(made[3]!.id, start + 7);
      expect(await store.workers.findCredential(made[3]!.id)).toEqual({ ...made[3], lastUsedAt: start + 7 });
    });

    it('keeps a setting, and the first one where asked', async () => {
      const store = await fresh();
      expect(await store.settings.get('a')).toBeUndefined();
      expect(await store.settings.putIfAbsent('a', '1')).toBe('1');
      expect(await store.settings.putIfAbsent('a', '2')).toBe('1');
      await store.settings.put('a', '3');
      await store.settings.put('b', '4');
      expect([await store.settings.get('a'), await store.settings.get('b')]).toEqual(['3', '4']);
    });

    it('a text with NUL is kept readable and found again', async () => {
      const store = await fresh();
      const artifact = newArtifact({ title: 'a\0b', createdBy: `w\0${newId()}` });
      await store.commit(add(artifact));
      expect((await store.artifacts.find(artifact.id))?.title).toBe('a\uFFFDb');
      await store.settings.put('n\0', 'v');
      expect(await store.settings.get('n\0')).toBe('v');
    });

    it('answers, tells the time, and refuses after it was closed', async () => {
      const store = await fresh();
      await store.ping();
      const before = Date.now();
      const now = await store.now();
      expect(Number.isInteger(now)).toBe(true);
      expect(Math.abs(now - before)).toBeLessThan(5000);
      await store.close();
      await store.close();
      await expect(store.settings.put('a', 'b')).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.settings.get('a')).rejects.toMatchObject({ code: 'unavailable' });
    });
  });
}

import { decideJob, type JobRecord } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { counterAt, exists, insert, raise, unchanged, update, type Precondition } from '../../kernel/commit.ts';
import { itemsOf } from '../../kernel/commit-items.ts';
import { claimBy, claimIds, commitOf, key, newArtifact, newCredential, newJob, newWorker, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';

const done = { outcome: 'done', lastSeqs: {} };

/** Contract tests of commits of all record kinds. */
export function commitsContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);
  const needs = (...preconditions: Precondition[]) => commitOf([], { preconditions });

  describe('the size of a commit', () => {
    const artifacts = (count: number) => Array.from({ length: count }, () => insert('artifact', newArtifact()));

    it('is at most 100 items, and a larger one throws and writes nothing', async () => {
      const store = await fresh();
      expect(await store.commit(commitOf(artifacts(100)))).toEqual(done);
      const larger = artifacts(101);
      await expect(store.commit(commitOf(larger))).rejects.toMatchObject({
        code: 'internal',
        message: expect.stringContaining('has 101 items; at most 100 fit') as string,
      });
      const [first] = larger.map(({ value }) => value as { id: string });
      expect(await store.artifacts.find(first!.id)).toBeUndefined();
      const idempotency = key({ resourceId: 'r' });
      await expect(store.commit({ ...commitOf(artifacts(100)), idempotency })).rejects.toMatchObject({
        code: 'internal',
      });
    });

    it('counts a row once, whether a change writes it or a precondition names it', () => {
      const [job, credential] = [newJob(), newCredential()];
      const epoch = { record: 'worker', id: 'w', counter: 'registrationEpoch' } as const;
      const event = { kind: 'note', level: 'info', message: 'x' } as const;
      const sizes = [
        commitOf([update('credential', credential, 1)], { preconditions: [unchanged('credential', credential.id, 1)] }),
        commitOf([raise(epoch)], {
          preconditions: [counterAt(epoch, 1), exists('worker', 'w'), exists('worker', 'v')],
        }),
        commitOf([{ kind: 'append-event', jobId: 'j', event }], { preconditions: [exists('job', 'j')] }),
        commitOf([{ kind: 'add-job', job }], { idempotency: key() }),
        commitOf([{ kind: 'add-member', groupId: 'g', memberId: 'm', addedAt: start }]),
      ].map(itemsOf);
      expect(sizes).toEqual([1, 2, 2, 4, 2]);
    });
  });

  describe('a precondition', () => {
    it('finds records of each kind by their id, and names the one that is missing', async () => {
      const store = await fresh();
      const [artifact, credential, worker, job] = [newArtifact(), newCredential(), newWorker(), newJob()];
      await store.jobs.enqueue(job);
      const made = [insert('artifact', artifact), insert('credential', credential), insert('worker', worker)];
      expect(await store.commit(commitOf(made))).toEqual(done);
      const all = [
        exists('artifact', artifact.id),
        exists('credential', credential.id),
        exists('worker', worker.id),
        exists('job', job.id),
      ];
      expect(await store.commit(needs(...all))).toEqual(done);
      for (const record of ['artifact', 'credential', 'experiment', 'group', 'job', 'worker'] as const) {
        const conflict = { kind: 'missing', record, id: 'absent' };
        expect(await store.commit(needs(...all, exists(record, 'absent')))).toEqual({ outcome: 'conflict', conflict });
      }
    });

    it('holds while a record is unchanged, and no longer when an update raised its version', async () => {
      const store = await fresh();
      const [witness, other] = [newArtifact(), newWorker()];
      await store.commit(commitOf([insert('artifact', witness), insert('worker', other)]));
      const asRead = unchanged('artifact', witness.id, 1);
      const rename = update('worker', { ...other, name: 'new', labels: { a: 'b' }, createdBy: 'x' }, 1);
      expect(await store.commit(commitOf([rename], { preconditions: [asRead] }))).toEqual(done);
      expect(await store.workers.findWorker(other.id)).toEqual({
        ...other,
        name: 'new',
        labels: { a: 'b' },
        version: 2,
      });
      expect(await store.commit(commitOf([update('artifact', witness, 1)]))).toEqual(done);
      const changed = { kind: 'version', record: 'artifact', id: witness.id };
      const again = commitOf([update('worker', other, 2)], { preconditions: [asRead] });
      expect(await store.commit(again)).toEqual({ outcome: 'conflict', conflict: changed });
      expect(await store.workers.findWorker(other.id)).toMatchObject({ version: 2 });
      const absent = { kind: 'version', record: 'worker', id: 'absent' };
      expect(await store.commit(needs(unchanged('worker', 'absent', 1)))).toMatchObject({ conflict: absent });
    });

    it('on the version of a job fails after every write of the job', async () => {
      const store = await fresh();
      const job = newJob({ nextAttemptAt: start + 5 });
      await store.jobs.enqueue(job);
      const fence = { workerId: 'w', leaseId: 'l' };
      const event = { kind: 'note', level: 'info', message: 'x' } as const;
      const writes: (() => Promise<unknown>)[] = [
        () => store.jobs.sweep(10, start + 10),
        () => store.jobs.claim(claimBy('w', { leaseIds: ['l'], leaseMs: 100, now: start + 10 })),
        () => store.jobs.apply(job.id, (found) => decideJob(found, { kind: 'renew', fence, leaseMs: 50 }, start + 11)),
        () => store.jobs.append({ jobId: job.id, fence, events: [event, event], now: start + 12 }),
        () => store.commit(commitOf([{ kind: 'append-event', jobId: job.id, event }])),
        () => store.jobs.sweep(10, start + 100),
      ];
      for (const [index, write] of writes.entries()) {
        const asRead = needs(unchanged('job', job.id, index + 1));
        expect(await store.commit(asRead)).toEqual(done);
        await write();
        expect(await store.jobs.find(job.id)).toMatchObject({ version: index + 2 });
        const conflict = { kind: 'version', record: 'job', id: job.id };
        expect(await store.commit(asRead)).toEqual({ outcome: 'conflict', conflict });
      }
    });

    it('on a counter lets one of many raise it from one value, and is no part of the version', async () => {
      const stores = await pair();
      const worker = newWorker();
      await stores[0].commit(commitOf([insert('worker', worker)]));
      const epoch = { record: 'worker', id: worker.id, counter: 'registrationEpoch' } as const;
      const next = commitOf([raise(epoch)], { preconditions: [counterAt(epoch, 1)] });
      const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => stores[i % 2]!.commit(next)));
      expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
      const conflict = { kind: 'counter', ...epoch };
      expect(answers.filter(({ outcome }) => outcome === 'conflict')).toEqual(
        Array.from({ length: 7 }, () => ({ outcome: 'conflict', conflict })),
      );
      expect(await stores[1].workers.findWorker(worker.id)).toEqual({ ...worker, registrationEpoch: 2 });
      await Promise.all(Array.from({ length: 8 }, (_, i) => stores[i % 2]!.commit(commitOf([raise(epoch)]))));
      expect(await stores[1].workers.findWorker(worker.id)).toEqual({ ...worker, registrationEpoch: 10 });
    });
  });

  describe('records that two commits name in opposite orders', () => {
    it('are locked in one order: both commits end, and neither is lost', async () => {
      const stores = await pair();
      const [one, two] = [newArtifact(), newArtifact()];
      const [worker, job] = [newWorker(), newJob()];
      await stores[0].jobs.enqueue(job);
      await stores[0].commit(commitOf([insert('artifact', one), insert('artifact', two), insert('worker', worker)]));
      const epoch = { record: 'worker', id: worker.id, counter: 'registrationEpoch' } as const;
      const event = { kind: 'note', level: 'info', message: 'x' } as const;
      const append = { kind: 'append-event', jobId: job.id, event } as const;
      for (let round = 1; round <= 20; round++) {
        const there = [update('artifact', one, round), append, raise(epoch), update('artifact', two, round)];
        const named = [exists('worker', worker.id), exists('job', job.id), exists('artifact', two.id)];
        const answers = await Promise.all([
          stores[0].commit(commitOf(there, { preconditions: named })),
          stores[1].commit(commitOf(there.toReversed(), { preconditions: named.toReversed() })),
        ]);
        expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(['conflict', 'done']);
      }
      expect(await stores[1].workers.findWorker(worker.id)).toMatchObject({ registrationEpoch: 21 });
      expect(await stores[1].jobs.find(job.id)).toMatchObject({ lastSeq: 21 });
    });
  });

  describe('a job that is added with other changes', () => {
    it('is enqueued with its event and claimable, also by a route that nobody knew', async () => {
      const [store, other] = await pair();
      const [before, job] = [newArtifact(), newJob({ repository: 'org/new', requiredCapabilities: ['gpu'] })];
      await store.commit(commitOf([insert('artifact', before)]));
      const changes = [{ kind: 'add-job', job } as const, update('artifact', { ...before, status: 'rejected' }, 1)];
      expect(await store.commit(commitOf(changes))).toEqual(done);
      expect(await other.jobs.find(job.id)).toEqual(job);
      expect(await other.jobs.events(job.id, 0, 5)).toMatchObject([{ seq: 1, kind: 'queued', message: 'Queued.' }]);
      expect(await claimIds(other, 'w', { capabilities: [] })).toEqual([]);
      expect(await claimIds(other, 'w', { capabilities: ['gpu'] })).toEqual([job.id]);
    });

    it('is not added when the commit conflicts, and its route can be added later', async () => {
      const [store, other] = await pair();
      const job = newJob({ repository: 'org/undone' });
      const refused = commitOf([{ kind: 'add-job', job }], { preconditions: [exists('artifact', 'absent')] });
      expect(await store.commit(refused)).toMatchObject({ outcome: 'conflict' });
      const late = commitOf([{ kind: 'add-job', job }, update('artifact', newArtifact(), 1)]);
      expect(await store.commit(late)).toMatchObject({ conflict: { kind: 'version' } });
      expect(await store.jobs.find(job.id)).toBeUndefined();
      expect(await store.commit(commitOf([{ kind: 'add-job', job }]))).toEqual(done);
      expect(await claimIds(other, 'w', { repositories: ['org/undone'] })).toEqual([job.id]);
    });

    it('is made once by one idempotency key', async () => {
      const stores = await pair();
      const jobs = Array.from({ length: 6 }, () => newJob());
      const add = (job: JobRecord, index: number) =>
        stores[index % 2]!.commit({
          ...commitOf([{ kind: 'add-job', job }]),
          idempotency: key({ resourceId: job.id, operation: 'review' }),
        });
      const answers = await Promise.all(jobs.map(add));
      expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
      expect((await stores[0].jobs.list({}, { limit: 9, after: undefined })).items).toHaveLength(1);
    });
  });
}

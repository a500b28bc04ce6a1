import { decideJob, type JobRecord } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import type { MetadataStore } from '../metadata-store.ts';
import { claimBy, claimIds, commitOf, key, newArtifact, newCredential, newId, newJob, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';
import { exists, insert, update } from '../../kernel/commit.ts';

/** Contract tests of concurrent calls, on two servers if the engine allows two. */
export function racesContract(harness: StoreHarness): void {
  const { pair } = storesOf(harness);
  const claimAll = async (store: MetadataStore, worker: string, onClaim: (id: string) => void): Promise<void> => {
    for (;;) {
      const claimed = await store.jobs.claim(claimBy(worker));
      const [job] = (claimed as { jobs: readonly JobRecord[] }).jobs;
      if (job === undefined) return;
      onClaim(job.id);
    }
  };

  describe('at once', () => {
    it('64 claimers get each of 2,000 jobs exactly once, and stop only when none is left', async () => {
      const stores = await pair();
      const jobs = Array.from({ length: 2000 }, (_, i) =>
        newJob({ priority: i % 3, type: i % 2 === 0 ? 'task' : 'exec' }),
      );
      await Promise.all(jobs.map((job, i) => stores[i % 2]!.jobs.enqueue(job)));
      const seen: string[] = [];
      const claimers = Array.from({ length: 64 }, (_, i) => claimAll(stores[i % 2]!, `w${i}`, (id) => seen.push(id)));
      await Promise.all(claimers);
      expect(seen.toSorted()).toEqual(jobs.map((job) => job.id));
    });

    it('as many claimers as jobs all get one', async () => {
      const stores = await pair();
      for (let i = 0; i < 24; i++) await stores[0].jobs.enqueue(newJob({ type: i % 2 === 0 ? 'task' : 'exec' }));
      const answers = await Promise.all(
        Array.from({ length: 24 }, (_, i) => stores[i % 2]!.jobs.claim(claimBy(`w${i}`))),
      );
      const ids = answers.map((answer) => (answer as { jobs: readonly JobRecord[] }).jobs[0]?.id);
      expect(new Set(ids).size).toBe(24);
      expect(ids).not.toContain(undefined);
    });

    it('claimers of different scopes get each what they may have, none of it twice', async () => {
      const stores = await pair();
      const scopes = [
        { types: ['task'] },
        { types: ['exec'] },
        { types: ['task', 'exec'] },
        { capabilities: ['git'], types: ['manifest'] },
      ];
      const jobs = Array.from({ length: 120 }, (_, i) =>
        newJob({
          priority: i % 4,
          type: ['task', 'exec', 'manifest'][i % 3]!,
          requiredCapabilities: i % 3 === 2 ? ['git'] : [],
        }),
      );
      await Promise.all(jobs.map((job) => stores[0].jobs.enqueue(job)));
      const requests = Array.from({ length: 80 }, (_, i) =>
        claimBy(`w${i}`, { ...scopes[i % 4], leaseIds: [`l${i}`, `m${i}`] }),
      );
      const answers = await Promise.all(requests.map((request, i) => stores[i % 2]!.jobs.claim(request)));
      const claimed = answers.map((answer) => (answer as { jobs: readonly JobRecord[] }).jobs);
      for (const [i, { types, leaseIds, workerId }] of requests.entries()) {
        for (const [n, job] of claimed[i]!.entries()) {
          expect(types).toContain(job.type);
          expect(job).toMatchObject({ status: 'running', lastClaimedBy: workerId, leaseId: leaseIds[n], lastSeq: 2 });
          expect(await stores[0].jobs.find(job.id)).toEqual(job);
        }
      }
      const ids = claimed.flat().map((job) => job.id);
      expect(new Set(ids).size).toBe(ids.length);
      // The claims request 120 jobs of the types task and exec, but only 80 such jobs exist. They also request 40 jobs
      // of the type manifest, and 40 exist.
      expect(ids).toHaveLength(120);
    });

    it('jobs of routes that nobody knew, put in by every server at once, are found by each at its next claim', async () => {
      const stores = await pair();
      for (let round = 0; round < 5; round++) {
        const jobs = Array.from({ length: 24 }, (_, i) =>
          newJob({ priority: i, repository: `org/${String(round)}-${String(Math.floor(i / 3))}` }),
        );
        const answers = await Promise.all(
          jobs
            .map((job, i) => stores[i % 2]!.jobs.enqueue(job))
            .concat([stores[0].jobs.enqueue(newJob({ priority: -1 }))]),
        );
        expect(answers.every(({ outcome }) => outcome === 'added')).toBe(true);
        const store = stores[round % 2]!;
        const repositories = [`org/${String(round)}-6`];
        expect(await claimIds(store, 'w', { repositories })).toEqual([jobs[20]!.id]);
        const leaseIds = Array.from({ length: 30 }, (_, i) => `l${String(i)}`);
        const expected = jobs
          .toReversed()
          .map((job) => job.id)
          .filter((id) => id !== jobs[20]!.id);
        expect((await claimIds(store, 'w', { leaseIds })).slice(0, -1)).toEqual(expected);
      }
    });

    it('decisions of one moment are all taken, also those on one job, and one that throws fails alone', async () => {
      const [store] = await pair();
      const jobs = Array.from({ length: 20 }, () => newJob());
      await Promise.all(jobs.map((job) => store.jobs.enqueue(job)));
      const leaseIds = jobs.map((_, i) => `l${i}`);
      await store.jobs.claim(claimBy('w', { leaseIds }));
      const fail = (i: number) =>
        store.jobs.apply(jobs[i]!.id, (job) => {
          if (i === 7) throw new Error('broken');
          const fence = { workerId: 'w', leaseId: `l${i}` };
          return decideJob(job, { kind: 'fail', fence, errorMessage: 'a\0 \ud800', retryable: i % 2 === 0 }, start + i);
        });
      const cancel = (i: number) =>
        store.jobs.apply(jobs[i]!.id, (job) => decideJob(job, { kind: 'cancel', actor: 'a', reason: null }, start));
      const answers = await Promise.allSettled(jobs.flatMap((_, i) => [cancel(i), fail(i), cancel(i)]));
      expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      for (const [i, job] of jobs.entries()) {
        const found = await store.jobs.find(job.id);
        const events = await store.jobs.events(job.id, 2, 10);
        const ended = i === 7 ? [] : ['failed', 'cancelled'];
        expect(events.map(({ kind }) => kind)).toEqual(['cancel_requested', ...ended]);
        expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 3));
        expect(found).toMatchObject({ status: i === 7 ? 'running' : 'cancelled', lastSeq: 2 + events.length });
        if (i !== 7) expect(found?.errorMessage).toBe('a\uFFFD \uFFFD');
      }
      expect(await store.jobs.apply('absent', (job) => ({ outcome: 'unchanged', job }))).toBeUndefined();
    });

    it('jobs that arrive in one moment are all added with their events, and one that cannot be fails alone', async () => {
      const [store, other] = await pair();
      const there = newJob();
      await store.jobs.enqueue(there);
      const jobs = Array.from({ length: 30 }, (_, i) =>
        newJob({ id: i === 7 ? there.id : newId(), requiredCapabilities: [`c${i % 5}`], repository: `r${i % 3}` }),
      );
      const answers = await Promise.allSettled(jobs.map((job, i) => [store, other][i % 2]!.jobs.enqueue(job)));
      for (const [i, job] of jobs.entries()) {
        const answer = answers[i]!;
        if (i === 7) {
          expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'internal' } });
          continue;
        }
        expect(answer).toMatchObject({ status: 'fulfilled', value: { outcome: 'added', job } });
        expect(await store.jobs.find(job.id)).toEqual(job);
        expect((await store.jobs.events(job.id, 0, 10)).map(({ kind, seq }) => [kind, seq])).toEqual([['queued', 1]]);
      }
      const claimed = await store.jobs.claim(
        claimBy('w', { capabilities: ['c4'], leaseIds: Array.from({ length: 9 }, (_, i) => `l${i}`) }),
      );
      expect((claimed as { jobs: readonly JobRecord[] }).jobs).toHaveLength(7);
    });

    it('one key makes one job', async () => {
      const stores = await pair();
      const answers = await Promise.all(
        Array.from({ length: 32 }, (_, i) => {
          const job = newJob();
          return stores[i % 2]!.jobs.enqueue(job, key({ resourceId: job.id }));
        }),
      );
      expect(answers.filter(({ outcome }) => outcome === 'added')).toHaveLength(1);
      expect(answers.filter(({ outcome }) => outcome === 'repeated')).toHaveLength(31);
      const page = await stores[0].jobs.list({}, { limit: 10, after: undefined });
      expect(new Set(answers.map((answer) => (answer as { job: JobRecord }).job.id))).toEqual(
        new Set([page.items[0]?.id]),
      );
      expect(page.items).toHaveLength(1);
    });

    it('one key claims once', async () => {
      const stores = await pair();
      for (let i = 0; i < 10; i++) await stores[0].jobs.enqueue(newJob());
      const { resourceId: _, ...idempotency } = key({ operation: 'claimJob' });
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, i) => stores[i % 2]!.jobs.claim(claimBy('w', { idempotency }))),
      );
      expect(answers.filter(({ outcome }) => outcome === 'claimed')).toHaveLength(1);
      expect((await stores[0].jobs.list({ status: 'running' }, { limit: 10, after: undefined })).items).toHaveLength(1);
    });

    it('claims with many keys are told which are fresh, repeated, used otherwise and past their time', async () => {
      const stores = await pair();
      for (let i = 0; i < 60; i++) await stores[0].jobs.enqueue(newJob());
      const keyed = (i: number, expiresAt = start + 1000) => {
        const { resourceId: _, ...rest } = key({ operation: 'claimJob', key: `k\0${i}`, expiresAt });
        return rest;
      };
      const claim = (i: number, fingerprint: string, now: number, expiresAt?: number) =>
        stores[i % 2]!.jobs.claim(
          claimBy(`w${i}`, { idempotency: { ...keyed(i, expiresAt), fingerprint }, now, leaseMs: 1e9 }),
        );
      const first = await Promise.all(
        Array.from({ length: 20 }, (_, i) => claim(i, 'f', start, i < 5 ? start + 10 : undefined)),
      );
      expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(['claimed']));
      const second = await Promise.all(
        Array.from({ length: 30 }, (_, i) => claim(i, i < 12 ? 'f' : 'other', start + 10)),
      );
      expect(second.map(({ outcome }) => outcome)).toEqual(
        Array.from({ length: 30 }, (_, i) => (i < 5 || i >= 20 ? 'claimed' : i < 12 ? 'repeated' : 'conflict')),
      );
      expect(second.slice(5, 12)).toEqual(first.slice(5, 12).map((answer) => ({ ...answer, outcome: 'repeated' })));
      const ids = [...first, ...second.slice(0, 5), ...second.slice(20)].map(
        (answer) => (answer as { jobs: readonly JobRecord[] }).jobs[0]?.id,
      );
      expect(new Set(ids).size).toBe(35);
    });

    it('a name becomes either a file or a folder', async () => {
      const stores = await pair();
      for (let round = 0; round < 10; round++) {
        const jobId = `j${round}`;
        const paths = [
          [{ kind: 'take-path', jobId, path: 'a', as: 'file' }],
          [
            { kind: 'take-path', jobId, path: 'a/b', as: 'file' },
            { kind: 'take-path', jobId, path: 'a', as: 'folder' },
          ],
        ] as const;
        const answers = await Promise.all(
          [0, 1, 2, 3].map((i) => stores[i % 2]!.commit(commitOf(paths[(i + round) % 2]!))),
        );
        expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(2);
        expect(answers.filter(({ outcome }) => outcome === 'conflict')).toHaveLength(2);
      }
    });

    it('events of one job are numbered without gaps', async () => {
      const stores = await pair();
      const job = newJob();
      await stores[0].jobs.enqueue(job);
      await stores[0].jobs.claim(claimBy('w', { leaseIds: ['l'] }));
      const fence = { workerId: 'w', leaseId: 'l' };
      const renew = (i: number) =>
        stores[i % 2]!.jobs.apply(job.id, (found) =>
          decideJob(found, { kind: 'renew', fence, leaseMs: 60_000 }, start + i),
        );
      const note = (i: number) => {
        const artifact = newArtifact({ jobId: job.id, name: 'same' });
        const event = { kind: 'note', level: 'info', message: `${i}` } as const;
        return stores[i % 2]!.commit(
          commitOf(
            [
              { kind: 'append-event', jobId: job.id, event },
              { kind: 'take-path', jobId: job.id, path: 'same', as: 'file' },
              insert('artifact', artifact),
            ],
            {
              preconditions: i % 3 === 0 ? [exists('job', job.id)] : [{ kind: 'job-held', jobId: job.id, fence }],
            },
          ),
        );
      };
      const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 4 === 3 ? renew(i) : note(i))));
      expect(answers.map((answer) => answer?.outcome).filter((outcome) => outcome !== 'done')).toEqual(
        Array.from({ length: 15 }, () => 'changed'),
      );
      const events = await stores[0].jobs.events(job.id, 0, 100);
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 47 }, (_, i) => i + 1));
    });

    it('one lease ends once, whoever sweeps', async () => {
      const stores = await pair();
      const jobs = Array.from({ length: 240 }, (_, i) => newJob({ maxAttempts: i % 2 === 0 ? 3 : 1 }));
      await Promise.all(jobs.map((job) => stores[0].jobs.enqueue(job)));
      for (let i = 0; i < 3; i++) {
        const leaseIds = Array.from({ length: 80 }, (_, n) => `l${i}-${n}`);
        await stores[0].jobs.claim(claimBy(`w${i}`, { leaseIds, leaseMs: 10 }));
      }
      const ended: JobRecord[] = [];
      // A sweep skips rows that the other server has locked. So one sweep may end fewer leases than have expired.
      while (ended.length < jobs.length) {
        const sweeps = await Promise.all([0, 1, 2, 3].map((i) => stores[i % 2]!.jobs.sweep(50, start + 20)));
        ended.push(...sweeps.flatMap((passed) => passed.ended));
      }
      expect((await stores[0].jobs.sweep(50, start + 20)).ended).toEqual([]);
      expect(ended.map((job) => job.id).toSorted()).toEqual(jobs.map((job) => job.id));
      for (const job of ended) {
        expect(await stores[1].jobs.find(job.id)).toEqual(job);
        const events = await stores[1].jobs.events(job.id, 2, 10);
        const kinds = ['lease_expired', job.maxAttempts === 1 ? 'dead_lettered' : 'retry_scheduled'];
        expect(events.map(({ kind }) => kind)).toEqual(kinds);
      }
    });

    it('a job that is due is never missed, whoever makes it ready, and is told of once', async () => {
      const stores = await pair();
      for (let round = 0; round < 40; round++) {
        const now = start + round * 10;
        const job = newJob({ createdAt: now, nextAttemptAt: now + 1 });
        await stores[0].jobs.enqueue(job);
        const [swept, claimed, again] = await Promise.all([
          stores[round % 2]!.jobs.sweep(50, now + 1),
          stores[0].jobs.claim(claimBy('w', { now: now + 1 })),
          stores[1].jobs.claim(claimBy('v', { now: now + 1 })),
        ]);
        const got = [claimed, again].flatMap((answer) => (answer as { jobs: readonly JobRecord[] }).jobs);
        expect(got.map(({ id }) => id)).toEqual([job.id]);
        expect(swept.ready.map(({ jobId }) => jobId)).toEqual(swept.ready.length === 0 ? [] : [job.id]);
      }
    });

    it('of many due jobs each is made ready once, and claimed once', async () => {
      const stores = await pair();
      const jobs = Array.from({ length: 700 }, (_, i) => newJob({ nextAttemptAt: start + (i % 7) }));
      await Promise.all(jobs.map((job) => stores[0].jobs.enqueue(job)));
      const now = start + 10;
      const told: string[] = [];
      const seen: string[] = [];
      const claimers = Array.from({ length: 16 }, async (_, i) => {
        for (;;) {
          const answer = await stores[i % 2]!.jobs.claim(claimBy(`w${i}`, { now }));
          if (answer.outcome !== 'claimed') throw new Error(answer.outcome);
          told.push(...(answer.passed?.ready ?? []).map(({ jobId }) => jobId));
          if (answer.jobs.length === 0) return;
          seen.push(...answer.jobs.map((job) => job.id));
        }
      });
      await Promise.all([...claimers, stores[0].jobs.sweep(100, now)]);
      expect(seen.toSorted()).toEqual(jobs.map((job) => job.id));
      expect(new Set(told).size).toBe(told.length);
    });

    it('the first value of a setting holds for everybody', async () => {
      const stores = await pair();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => stores[i % 2]!.settings.putIfAbsent('token', `${i}`)),
      );
      expect(new Set(answers).size).toBe(1);
    });

    it('a credential is updated once from one version', async () => {
      const stores = await pair();
      const credential = newCredential();
      await stores[0].commit(commitOf([insert('credential', credential)]));
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => {
          const next = { ...credential, description: `${i}` };
          return stores[i % 2]!.commit(commitOf([update('credential', next, 1)]));
        }),
      );
      expect(answers.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
    });

    it('of two ways to end a job one wins and the other is told', async () => {
      const stores = await pair();
      for (let round = 0; round < 10; round++) {
        const job = newJob();
        await stores[0].jobs.enqueue(job);
        await stores[0].jobs.claim(claimBy('w', { leaseIds: [`l${round}`] }));
        const fence = { workerId: 'w', leaseId: `l${round}` };
        const answers = await Promise.all([
          stores[0].jobs.apply(job.id, (found) =>
            decideJob(found, { kind: 'complete', fence, resultSummary: null }, start),
          ),
          stores[1].jobs.apply(job.id, (found) =>
            decideJob(found, { kind: 'fail', fence, errorMessage: 'x', retryable: false }, start),
          ),
        ]);
        expect(answers.map((answer) => answer?.outcome).toSorted()).toEqual(['changed', 'refused']);
      }
    });
  });
}

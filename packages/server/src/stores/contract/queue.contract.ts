import { decideJob, type Fence, type JobCommand, type JobEventDraft, type JobRecord } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { routeOf } from '../../jobs/job-route.ts';
import type { ClaimRequest, JobFilter } from '../../jobs/job-store.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { claimBy, claimIds, key, newJob, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';

export function queueContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);
  const act = (store: MetadataStore, id: string, command: JobCommand, now = start) =>
    store.jobs.apply(id, (job) => decideJob(job, command, now), { now });

  describe('enqueue', () => {
    it.each([0, 2])('keeps every field and numbers the queued event 1, beside %i other jobs', async (others) => {
      const store = await fresh();
      const job = newJob({
        type: 'exec',
        priority: -7,
        payload: { text: 'NUL \0, half \ud800, ünïcödé 🎉', nested: { list: [1, null, true] } },
        requiredCapabilities: ['docker', 'git'],
        repository: 'org/repo',
        affinityKey: 'a',
        taskId: 't',
        bundleId: 'b',
        parentJobId: 'p',
        manifestName: 'm',
        nextAttemptAt: start + 10,
      });
      const enqueue = async (added: JobRecord) => {
        if (others === 0) return await store.jobs.enqueue(added);
        const batch = [...Array.from({ length: others }, () => newJob()), added];
        return (await store.jobs.enqueueAll(batch.map((each) => ({ job: each })))).at(-1);
      };
      expect(await enqueue(job)).toEqual({ outcome: 'added', job });
      expect(await store.jobs.find(job.id)).toEqual(job);
      expect(await store.jobs.events(job.id, 0, 10)).toEqual([
        { jobId: job.id, seq: 1, kind: 'queued', level: 'info', message: 'Queued.', createdAt: start },
      ]);
      expect(await store.jobs.find('absent')).toBeUndefined();
    });

    it('keeps a payload of 256 KiB', async () => {
      const store = await fresh();
      const job = newJob({ payload: { text: 'x'.repeat(256 * 1024 - 20) } });
      await store.jobs.enqueue(job);
      expect(await store.jobs.find(job.id)).toEqual(job);
    });

    it('gives the first job for a known key, and a conflict for another request', async () => {
      const store = await fresh();
      const job = newJob();
      const again = newJob();
      await store.jobs.enqueue(job, key({ resourceId: job.id }));
      expect(await store.jobs.enqueue(again, key({ resourceId: again.id }))).toEqual({ outcome: 'repeated', job });
      expect(await store.jobs.enqueue(again, key({ fingerprint: 'other' }))).toEqual({ outcome: 'conflict' });
      expect(await store.jobs.find(again.id)).toBeUndefined();
      for (const other of [key({ principal: 'x' }), key({ operation: 'x' }), key({ key: 'x' })]) {
        const added = newJob();
        expect((await store.jobs.enqueue(added, { ...other, resourceId: added.id })).outcome).toBe('added');
      }
    });

    it('forgets a key that is past its time, swept or not', async () => {
      const store = await fresh();
      const short = { expiresAt: start + 10 };
      const jobs = [newJob(), newJob({ createdAt: start + 10 }), newJob({ createdAt: start + 10 })] as const;
      await store.jobs.enqueue(jobs[0], key({ ...short, resourceId: jobs[0].id }));
      await store.jobs.enqueue(newJob(), key({ ...short, key: 'swept', resourceId: 'x' }));
      expect((await store.jobs.enqueue(jobs[1], key({ resourceId: jobs[1].id, fingerprint: 'g' }))).outcome).toBe(
        'added',
      );
      const cleaner = store.cleaners.find(({ name }) => name === 'idempotency keys');
      expect(await cleaner?.clean(start + 9, 100)).toBe(0);
      expect(await cleaner?.clean(start + 10, 100)).toBe(1);
      expect((await store.jobs.enqueue(jobs[2], key({ key: 'swept', resourceId: jobs[2].id }))).outcome).toBe('added');
    });
  });

  describe('claim', () => {
    it('goes by priority, then age, then id', async () => {
      const store = await fresh();
      const late = newJob({ createdAt: start + 1 });
      const [b, a] = [newJob({ id: 'tie-b' }), newJob({ id: 'tie-a' })];
      const upper = newJob({ id: 'tie-A' });
      const urgent = newJob({ priority: 5, createdAt: start + 2, type: 'exec' });
      const low = newJob({ priority: -1, createdAt: start - 100 });
      for (const job of [late, b, a, upper, urgent, low]) await store.jobs.enqueue(job);
      const order = [];
      for (let i = 0; i < 7; i++) order.push(...(await claimIds(store, 'w')));
      // Ids are compared byte by byte, so a capital letter comes before small letters.
      expect(order).toEqual([urgent.id, 'tie-A', 'tie-a', 'tie-b', late.id, low.id]);
    });

    it('gives several at once, in order and over routes, each with its own lease', async () => {
      const store = await fresh();
      const jobs = [1, 2, 3, 4, 5].map((i) =>
        newJob({
          createdAt: start + i,
          type: i % 2 === 0 ? 'exec' : 'task',
          requiredCapabilities: i === 3 ? ['gpu'] : [],
        }),
      );
      for (const job of jobs.toReversed()) await store.jobs.enqueue(job);
      const request = claimBy('w', { leaseIds: ['l1', 'l2', 'l3'], now: start + 10 });
      const claimed = await store.jobs.claim(request);
      if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
      const wanted = [jobs[0]!, jobs[1]!, jobs[3]!];
      expect(claimed.jobs).toEqual(
        wanted.map((job, index) => {
          const leaseId = request.leaseIds[index]!;
          const decision = decideJob(job, { kind: 'claim', workerId: 'w', leaseId, leaseMs: 60_000 }, start + 10);
          return (decision as { job: JobRecord }).job;
        }),
      );
      expect(await store.jobs.find(wanted[2]!.id)).toEqual(claimed.jobs[2]);
      const events = await store.jobs.events(wanted[0]!.id, 1, 10);
      expect(events.map(({ seq, kind, payload }) => [seq, kind, payload])).toEqual([[2, 'claimed', { workerId: 'w' }]]);
    });

    it('gives only what the claimer may have', async () => {
      const store = await fresh();
      const gpu = newJob({ requiredCapabilities: ['cuda', 'gpu'], priority: 9 });
      const repo = newJob({ repository: 'org/a', priority: 8 });
      const exec = newJob({ type: 'exec', priority: 7 });
      for (const job of [gpu, repo, exec]) await store.jobs.enqueue(job);
      expect(await claimIds(store, 'w', { types: [] })).toEqual([]);
      expect(await claimIds(store, 'w', { capabilities: ['gpu'], types: ['manifest'] })).toEqual([]);
      expect(await claimIds(store, 'w', { repositories: ['org/b'] })).toEqual([]);
      expect(await claimIds(store, 'w', { repositories: ['org/b', 'org/a'] })).toEqual([repo.id]);
      expect(await claimIds(store, 'w', { capabilities: ['gpu'] })).toEqual([exec.id]);
      expect(await claimIds(store, 'w', { capabilities: ['gpu', 'x', 'cuda'] })).toEqual([gpu.id]);
    });

    it('never hides an eligible job behind others', async () => {
      const store = await fresh();
      for (let i = 0; i < 300; i++) await store.jobs.enqueue(newJob({ priority: 9, requiredCapabilities: ['gpu'] }));
      for (let i = 0; i < 450; i++) {
        await store.jobs.enqueue(newJob({ priority: 9, type: 'exec', nextAttemptAt: start + 5 }));
      }
      const delayed = newJob({ nextAttemptAt: start + 6 });
      await store.jobs.enqueue(delayed);
      expect(await claimIds(store, 'w', { types: ['task'], now: start + 10 })).toEqual([delayed.id]);
    });

    it('goes by one order over any number of routes, also behind a crowd that the claimer may not have', async () => {
      const store = await fresh();
      const jobs = Array.from({ length: 120 }, (_, i) =>
        newJob({ priority: (i * 7) % 5, createdAt: start + ((i * 11) % 50), repository: `org/${String(i % 40)}` }),
      );
      const crowd = Array.from({ length: 400 }, (_, i) =>
        newJob({ priority: 9, requiredCapabilities: [`gpu-${String(i % 3)}`] }),
      );
      await Promise.all(jobs.slice(0, 60).map((job) => store.jobs.enqueue(job)));
      const claim = (count: number, over: Partial<ClaimRequest> = {}) =>
        claimIds(store, 'w', { leaseIds: Array.from({ length: count }, (_, i) => `l${String(i)}`), ...over });
      const before = inOrder(jobs.slice(0, 60));
      expect([...(await claim(1)), ...(await claim(20))]).toEqual(before.slice(0, 21));
      await Promise.all([...crowd, ...jobs.slice(60)].map((job) => store.jobs.enqueue(job)));
      const left = inOrder(jobs).filter((id) => !before.slice(0, 21).includes(id));
      expect([...(await claim(1)), ...(await claim(50))]).toEqual(left.slice(0, 51));
      const some = Array.from({ length: 6 }, (_, i) => `org/${String(i * 6)}`);
      const ofSome = left.slice(51).filter((id) => some.includes(jobs.find((job) => job.id === id)?.repository ?? ''));
      expect(await claim(100, { repositories: some })).toEqual(ofSome);
      expect(await claim(100)).toEqual(left.slice(51).filter((id) => !ofSome.includes(id)));
      expect(await claim(100)).toEqual([]);
    });

    it('waits for delays to pass, and not longer', async () => {
      const store = await fresh();
      const job = newJob({ nextAttemptAt: start + 1000 });
      await store.jobs.enqueue(job);
      expect(await claimIds(store, 'w', { now: start + 999 })).toEqual([]);
      expect(await claimIds(store, 'w', { now: start + 1000 })).toEqual([job.id]);
      expect((await store.jobs.find(job.id))?.nextAttemptAt).toBeNull();
    });

    it('tells of the due jobs that it made ready and did not take', async () => {
      const store = await fresh();
      const [first, second] = [
        newJob({ nextAttemptAt: start + 5 }),
        newJob({ nextAttemptAt: start + 5, type: 'exec' }),
      ];
      for (const job of [first, second]) await store.jobs.enqueue(job);
      const claimed = await store.jobs.claim(claimBy('w', { now: start + 5 }));
      const ready = [{ jobId: second.id, seq: 1, route: routeOf(second) }];
      expect(claimed).toMatchObject({ jobs: [{ id: first.id }], passed: { ended: [], ready } });
    });

    it('gives a repeated key the jobs of the first claim that are held under its leases, as they are now', async () => {
      const store = await fresh();
      const jobs = Array.from({ length: 5 }, (_, i) => newJob({ createdAt: start + i }));
      const { resourceId: _, ...idempotency } = key({ operation: 'claimJob' });
      expect(await claimIds(store, 'w', { idempotency })).toEqual([]);
      for (const job of jobs) await store.jobs.enqueue(job);
      const lease = claimBy('w', { idempotency, leaseIds: ['l1', 'l2', 'l3'], leaseMs: 1000 });
      expect((await store.jobs.claim(lease)).outcome).toBe('claimed');
      const [ended, longer, shorter] = jobs.map(({ id }) => id) as [string, string, string];
      const fence = { workerId: 'w', leaseId: 'l1' };
      await act(store, ended, { kind: 'complete', fence, resultSummary: 'done' });
      await act(store, longer, { kind: 'renew', fence: { ...fence, leaseId: 'l2' }, leaseMs: 5000 });
      const again = async (now: number) => {
        const answer = await store.jobs.claim({ ...lease, now });
        expect(answer.outcome).toBe('repeated');
        return (answer as { jobs: readonly JobRecord[] }).jobs;
      };
      expect(await again(start + 999)).toEqual([await store.jobs.find(longer), await store.jobs.find(shorter)]);
      // Now the lease of the job `shorter` has expired, although no sweep has run. So the repeated claim returns only
      // `longer`.
      expect(await again(start + 1000)).toEqual([await store.jobs.find(longer)]);
      await store.jobs.sweep(10, start + 9000);
      await claimIds(store, 'other', { leaseIds: ['m1', 'm2'], now: start + 60_000, leaseMs: 60_000 });
      expect(await again(start + 60_000)).toEqual([]);
      const other = { ...lease, idempotency: { ...idempotency, fingerprint: 'other' } };
      expect(await store.jobs.claim(other)).toEqual({ outcome: 'conflict' });
    });

    it('ends leases that passed on its way, and tells which', async () => {
      const store = await fresh();
      const job = newJob();
      await store.jobs.enqueue(job);
      await store.jobs.claim(claimBy('lost', { leaseMs: 100 }));
      const claimed = await store.jobs.claim(claimBy('w', { now: start + 100 }));
      const queued = await store.jobs.find(job.id);
      expect(queued?.status).toBe('queued');
      expect(claimed).toEqual({ outcome: 'claimed', jobs: [], passed: { ended: [queued], ready: [] } });
      expect(await claimIds(store, 'w', { now: start + 1100 })).toEqual([job.id]);
    });
  });

  describe('position', () => {
    it('counts the ready jobs of the same route that come first, and no further than asked', async () => {
      const store = await fresh();
      const jobs = Array.from({ length: 60 }, (_, i) => newJob({ priority: i % 3, createdAt: start + (i % 5) }));
      const others = [
        newJob({ priority: 9, type: 'exec' }),
        newJob({ priority: 9, requiredCapabilities: ['git'] }),
        newJob({ priority: 9, nextAttemptAt: start + 1000 }),
      ];
      for (const job of [...jobs, ...others]) await store.jobs.enqueue(job);
      const order = jobs.toSorted(
        (a, b) => b.priority - a.priority || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1),
      );
      for (const [place, job] of order.entries()) {
        expect(await store.jobs.countAhead(job, 1000)).toBe(place);
        expect(await store.jobs.countAhead(job, 7)).toBe(Math.min(place, 7));
      }
      await claimIds(store, 'w', { types: ['task'] });
      expect(await store.jobs.countAhead(order[10]!, 1000)).toBe(9);
      expect(await store.jobs.countAhead(newJob({ repository: 'unknown' }), 1000)).toBe(0);
    });
  });

  describe('apply', () => {
    it('writes the decision with its events, numbered without gaps', async () => {
      const store = await fresh();
      const job = newJob();
      await store.jobs.enqueue(job);
      await store.jobs.claim(claimBy('w', { leaseIds: ['l'] }));
      const fence = { workerId: 'w', leaseId: 'l' };
      const errorMessage = 'ünï\ud83d\ude00';
      const failed = await act(store, job.id, { kind: 'fail', fence, errorMessage, retryable: true }, start + 5);
      if (failed?.outcome !== 'changed') throw new Error('not changed');
      expect(failed.job).toMatchObject({ status: 'queued', attempt: 2, errorMessage, nextAttemptAt: start + 15_005 });
      expect(await store.jobs.find(job.id)).toEqual(failed.job);
      const events = await store.jobs.events(job.id, 0, 10);
      expect(events.map(({ seq, kind }) => `${seq} ${kind}`)).toEqual([
        '1 queued',
        '2 claimed',
        '3 failed',
        '4 retry_scheduled',
      ]);
      expect(await store.jobs.events(job.id, 2, 1)).toEqual([events[2]]);
      expect(await claimIds(store, 'w', { now: start + 15_004 })).toEqual([]);
      expect(await claimIds(store, 'w', { now: start + 15_005 })).toEqual([job.id]);
    });

    it('writes nothing when the decision is a refusal or no change', async () => {
      const store = await fresh();
      const job = newJob();
      await store.jobs.enqueue(job);
      const fence = { workerId: 'w', leaseId: 'none' };
      const refused = await act(store, job.id, { kind: 'renew', fence, leaseMs: 1 });
      expect(refused).toMatchObject({ outcome: 'refused', refusal: { code: 'lease_lost' } });
      const same = await store.jobs.apply(job.id, (found) => ({ outcome: 'unchanged', job: found }));
      expect(same).toEqual({ outcome: 'unchanged', job });
      expect(await store.jobs.find(job.id)).toEqual(job);
      expect(await store.jobs.events(job.id, 1, 10)).toEqual([]);
      expect(await act(store, 'absent', { kind: 'expire' })).toBeUndefined();
    });

    it('a cancelled job is not claimed, and a retried one is at once', async () => {
      const store = await fresh();
      const [cancelled, failed] = [newJob(), newJob()];
      await store.jobs.enqueue(cancelled);
      await act(store, cancelled.id, { kind: 'cancel', actor: 'admin', reason: null });
      await store.jobs.enqueue(failed);
      expect(await claimIds(store, 'w', { leaseIds: ['l'] })).toEqual([failed.id]);
      const fence = { workerId: 'w', leaseId: 'l' };
      await act(store, failed.id, { kind: 'fail', fence, errorMessage: 'no', retryable: false });
      expect(await claimIds(store, 'w')).toEqual([]);
      await act(store, failed.id, { kind: 'retry', actor: 'admin' });
      expect(await claimIds(store, 'w')).toEqual([failed.id]);
    });

    it('a decision that throws writes nothing and reaches the caller', async () => {
      const store = await fresh();
      const job = newJob();
      await store.jobs.enqueue(job);
      const broken = store.jobs.apply(job.id, () => {
        throw new Error('broken');
      });
      await expect(broken).rejects.toMatchObject({ code: 'internal', cause: { message: 'broken' } });
      expect(await claimIds(store, 'w')).toEqual([job.id]);
    });
  });

  describe('sweep', () => {
    it('ends leases that passed, at most as many as asked, the longest past first', async () => {
      const store = await fresh();
      for (let i = 0; i < 5; i++) {
        await store.jobs.enqueue(newJob({ maxAttempts: i === 0 ? 1 : 3, createdAt: start + i }));
        await store.jobs.claim(claimBy('w', { leaseMs: 100 + i, now: start + 10 }));
      }
      expect(await store.jobs.sweep(10, start + 109)).toEqual({ ended: [], ready: [] });
      const [dead, second] = (await store.jobs.sweep(2, start + 200)).ended;
      expect([dead?.status, second?.status]).toEqual(['dead_letter', 'queued']);
      expect(await store.jobs.find(second!.id)).toEqual(second);
      expect((await store.jobs.sweep(10, start + 200)).ended).toHaveLength(3);
      expect(await store.jobs.sweep(10, start + 200)).toEqual({ ended: [], ready: [] });
    });

    it('makes delayed jobs claimable, at most as many as asked, and tells which and for whom', async () => {
      const store = await fresh();
      const job = newJob({ nextAttemptAt: start + 5, requiredCapabilities: ['git'] });
      await store.jobs.enqueue(newJob({ nextAttemptAt: start + 7 }));
      await store.jobs.enqueue(job);
      expect(await store.jobs.sweep(10, start + 4)).toEqual({ ended: [], ready: [] });
      const ready = [{ jobId: job.id, seq: 1, route: routeOf(job) }];
      expect(await store.jobs.sweep(1, start + 10)).toEqual({ ended: [], ready });
      expect((await store.jobs.sweep(10, start + 10)).ready).toHaveLength(1);
      expect(await store.jobs.sweep(10, start + 10)).toEqual({ ended: [], ready: [] });
      expect(await store.jobs.find(job.id)).toEqual({ ...job, version: 2 });
      expect(await claimIds(store, 'w', { now: start + 10, capabilities: ['git'], leaseIds: ['l', 'm'] })).toContain(
        job.id,
      );
    });
  });

  describe('append', () => {
    const note = (message: string): JobEventDraft => ({ kind: 'note', level: 'info', message, payload: { message } });
    const held = async (store: MetadataStore): Promise<{ job: JobRecord; fence: Fence }> => {
      const job = newJob({ type: 'exec' });
      await store.jobs.enqueue(job);
      await store.jobs.claim(claimBy('w', { leaseIds: ['l'], types: ['exec'] }));
      return { job, fence: { workerId: 'w', leaseId: 'l' } };
    };

    it('numbers events in their order behind those that are there, and gives them with the type of the job', async () => {
      const store = await fresh();
      const { job, fence } = await held(store);
      const now = start + 5;
      const first = await store.jobs.append({ jobId: job.id, fence, events: [note('a'), note('b')], now });
      const second = await store.jobs.append({ jobId: job.id, fence, events: [note('c')], now });
      const written = ['a', 'b', 'c'].map((text, i) => ({ ...note(text), jobId: job.id, seq: 3 + i, createdAt: now }));
      expect(first).toEqual({ outcome: 'appended', category: 'work', status: 'running', events: written.slice(0, 2) });
      expect(second).toEqual({ outcome: 'appended', category: 'work', status: 'running', events: written.slice(2) });
      expect(await store.jobs.events(job.id, 2, 10)).toEqual(written);
      expect((await store.jobs.find(job.id))?.lastSeq).toBe(5);
    });

    it('under a known key writes nothing and gives the first events, whatever became of the lease', async () => {
      const store = await fresh();
      const { job, fence } = await held(store);
      const { resourceId: _, ...idempotency } = key({ operation: 'appendEvents' });
      const request = { jobId: job.id, fence, events: [note('a'), note('b')], now: start, idempotency };
      const first = await store.jobs.append(request);
      await store.jobs.append({ ...request, idempotency: undefined });
      await act(store, job.id, { kind: 'complete', fence, resultSummary: null });
      expect(await store.jobs.append({ ...request, now: start + 1e6 })).toEqual({
        ...first,
        outcome: 'repeated',
        status: 'succeeded',
      });
      const other = { ...request, idempotency: { ...idempotency, fingerprint: 'other' } };
      expect(await store.jobs.append(other)).toEqual({ outcome: 'conflict' });
      expect((await store.jobs.find(job.id))?.lastSeq).toBe(7);
    });

    it('is refused by the fence, or finds no job, and then leaves its key unused', async () => {
      const store = await fresh();
      const { job, fence } = await held(store);
      const { resourceId: _, ...idempotency } = key({ operation: 'appendEvents' });
      const request = { jobId: job.id, fence, events: [note('a')], now: start, idempotency };
      expect(await store.jobs.append({ ...request, jobId: 'absent' })).toBeUndefined();
      for (const [over, code] of [
        [{ fence: { ...fence, leaseId: 'other' } }, 'lease_lost'],
        [{ fence: { workerId: 'v', leaseId: undefined } }, 'job_ownership_mismatch'],
        [{ now: start + 60_000 }, 'lease_lost'],
      ] as const) {
        expect(await store.jobs.append({ ...request, ...over })).toMatchObject({
          outcome: 'refused',
          refusal: { code },
        });
      }
      expect(await store.jobs.events(job.id, 2, 10)).toEqual([]);
      expect((await store.jobs.append(request))?.outcome).toBe('appended');
    });

    it('at once from many leaves no gap, and one key writes once', async () => {
      const [one, two] = await pair();
      const { job, fence } = await held(one);
      const { resourceId: _, ...idempotency } = key({ operation: 'appendEvents' });
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          [one, two][i % 2]!.jobs.append({
            jobId: job.id,
            fence,
            events: [note(`${i}`), note(`${i}`)],
            now: start,
            ...(i % 4 === 0 ? { idempotency } : {}),
          }),
        ),
      );
      expect(answers.filter((answer) => answer?.outcome === 'repeated')).toHaveLength(9);
      const events = await one.jobs.events(job.id, 2, 100);
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 62 }, (_, i) => i + 3));
      for (let i = 0; i < events.length; i += 2) expect(events[i]?.message).toBe(events[i + 1]?.message);
    });
  });

  describe('list', () => {
    it('narrows by every filter and their combinations', async () => {
      const store = await fresh();
      const types = ['task', 'exec', 'manifest'];
      for (let i = 0; i < 24; i++)
        await store.jobs.enqueue(newJob({ type: types[i % 3]!, createdAt: start + (i % 4) }));
      for (const [worker, count] of [
        ['w1', 5],
        ['w2', 4],
      ] as const) {
        const leaseIds = Array.from({ length: count }, (_, i) => `${worker}-${i}`);
        const claimed = await store.jobs.claim(claimBy(worker, { leaseIds }));
        const first = (claimed as { jobs: readonly JobRecord[] }).jobs[0]!;
        const fence = { workerId: worker, leaseId: leaseIds[0] };
        await act(store, first.id, { kind: 'complete', fence, resultSummary: null });
      }
      const all = (await store.jobs.list({}, { limit: 100, after: undefined })).items;
      expect(all).toHaveLength(24);
      const filters: JobFilter[] = [];
      for (const status of [undefined, 'queued', 'running', 'succeeded', 'failed'] as const) {
        for (const type of [undefined, 'task', 'manifest', 'unknown']) {
          for (const category of [undefined, 'manifest', 'work'] as const) {
            for (const heldBy of [undefined, 'w1', 'w3']) filters.push({ status, type, category, heldBy });
          }
        }
      }
      for (const filter of filters) {
        const wanted = all.filter((job) => matches(job, filter));
        const page = await store.jobs.list(filter, { limit: 100, after: undefined });
        expect(
          page.items.map((job) => job.id),
          JSON.stringify(filter),
        ).toEqual(wanted.map((job) => job.id));
        expect(page.next).toBeUndefined();
      }
    });

    it.each([{}, { status: 'queued' }, { type: 'task' }, { category: 'work' }] as JobFilter[])(
      'pages through 1,000 rows without gaps or repeats while rows are added: %j',
      async (filter) => {
        const store = await fresh();
        const jobs = Array.from({ length: 1000 }, (_, i) => newJob({ createdAt: start + (i % 37) }));
        await Promise.all(jobs.map((job) => store.jobs.enqueue(job)));
        const seen: string[] = [];
        let after;
        do {
          const page = await store.jobs.list(filter, { limit: 77, after });
          seen.push(...page.items.map((job) => job.id));
          after = page.next;
          await store.jobs.enqueue(newJob({ createdAt: start + 1000 }));
        } while (after !== undefined);
        const order = jobs.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
        expect(seen).toEqual(order.map((job) => job.id));
      },
    );
  });
}

function matches(job: JobRecord, { status, type, category, heldBy }: JobFilter): boolean {
  if (heldBy !== undefined && (job.status !== 'running' || job.lastClaimedBy !== heldBy)) return false;
  if (category !== undefined && (job.type === 'manifest') !== (category === 'manifest')) return false;
  return (status === undefined || job.status === status) && (type === undefined || job.type === type);
}

/** Returns the ids of the jobs in claim order. */
function inOrder(jobs: readonly JobRecord[]): string[] {
  const before = (a: JobRecord, b: JobRecord): number =>
    b.priority - a.priority || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
  return jobs.toSorted(before).map((job) => job.id);
}

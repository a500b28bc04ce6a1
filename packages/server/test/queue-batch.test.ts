// Tests batches: one call claims up to 100 jobs, or completes up to 100 jobs.
import { expect, it } from 'vitest';
import type { Job } from '@proofhouse/core';
import { forEachStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';

/** Enqueues `count` jobs. Returns the only worker that can claim them. */
async function ownQueue(t: TestServer, count: number) {
  const capability = t.unique('only');
  const worker = await t.worker({ capabilities: [capability] });
  const made: Job[] = [];
  for (let index = 0; index < count; index++) {
    made.push(await t.enqueue({ requiredCapabilities: [capability], priority: -index }));
  }
  const claimMany = async (maxJobs: number): Promise<Job[]> =>
    (await t.post('/api/queue/jobs/claim', { maxJobs }, worker)).json.jobs;
  return { worker, made, claimMany };
}

const itemOf = ({ id, leaseId }: Job) => ({ jobId: id, leaseId: leaseId ?? '' });

forEachStore('a claim of many', (harness) => {
  it('gives as many as it asks for, each under a lease of its own, in the order of the queue', async () => {
    const queue = await ownQueue(harness(), 7);
    const jobs = await queue.claimMany(5);
    expect(jobs.map((job) => job.id)).toEqual(queue.made.slice(0, 5).map((job) => job.id));
    expect(new Set(jobs.map((job) => job.leaseId)).size).toBe(5);
    expect(jobs.every((job) => job.status === 'running' && job.claimedBy === queue.worker.id)).toBe(true);
  });

  it('gives fewer when there are fewer, and none when there is none', async () => {
    const queue = await ownQueue(harness(), 3);
    expect(await queue.claimMany(100)).toHaveLength(3);
    expect(await queue.claimMany(100)).toEqual([]);
  });

  it('answers a list even when it asks for one', async () => {
    const queue = await ownQueue(harness(), 2);
    expect(await queue.claimMany(1)).toHaveLength(1);
  });

  it.each([0, 101, -1, 1.5, '2'])('of %j is refused with 422', async (maxJobs) => {
    const t = harness();
    const answer = await t.post('/api/queue/jobs/claim', { maxJobs }, await t.worker());
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ path: 'maxJobs' }] } });
  });

  it('gives 100 at most, and the rest to the next', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    await Promise.all(Array.from({ length: 130 }, () => t.enqueue({ requiredCapabilities: [capability] })));
    const claim = async () => (await t.post('/api/queue/jobs/claim', { maxJobs: 100 }, worker)).json.jobs as Job[];
    const [first, second] = [await claim(), await claim()];
    expect([first.length, second.length]).toEqual([100, 30]);
    expect(new Set([...first, ...second].map((job) => job.id)).size).toBe(130);
  });

  it('under a repeated key gives the same jobs, and takes no others', async () => {
    const t = harness();
    const queue = await ownQueue(t, 6);
    const key = { 'idempotency-key': t.unique('key') };
    const claim = (maxJobs: number) => t.post('/api/queue/jobs/claim', { maxJobs }, queue.worker, key);
    const first = await claim(4);
    expect(first.json.jobs).toHaveLength(4);
    expect((await claim(4)).json).toEqual(first.json);
    expect(await claim(5)).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
    expect(await queue.claimMany(100)).toHaveLength(2);
  });

  it('many at once never gives one job to two', async () => {
    const queue = await ownQueue(harness(), 24);
    const claims = await Promise.all(Array.from({ length: 8 }, () => queue.claimMany(5)));
    const given = claims.flat().map((job) => job.id);
    expect(given.toSorted()).toEqual(queue.made.map((job) => job.id).toSorted());
  });
});

forEachStore('ending many jobs', (harness) => {
  const end = (items: unknown, as: Parameters<TestServer['post']>[2], more: object = {}) =>
    harness().post('/api/queue/jobs/complete-batch', { items, ...more }, as);

  it('completes each with its own summary and answers in the order of the items', async () => {
    const t = harness();
    const queue = await ownQueue(t, 3);
    const jobs = (await queue.claimMany(3)).toReversed();
    const items = jobs.map((job, index) => ({ ...itemOf(job), resultSummary: `summary ${String(index)}` }));
    const answer = await end(items, queue.worker);
    expect(answer.status).toBe(200);
    expect(answer.json.results).toMatchObject(
      items.map(({ jobId, resultSummary }) => ({ jobId, job: { id: jobId, status: 'succeeded', resultSummary } })),
    );
    expect(answer.text).not.toContain('"leaseId"');
  });

  it('takes 100 items, and refuses 101, none, and items without a lease, with nothing done', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    await Promise.all(Array.from({ length: 101 }, () => t.enqueue({ requiredCapabilities: [capability] })));
    const jobs: Job[] = [];
    for (const maxJobs of [100, 1])
      jobs.push(...(await t.post('/api/queue/jobs/claim', { maxJobs }, worker)).json.jobs);
    const items = jobs.map(itemOf);
    expect(await end(items, worker)).toMatchObject({ status: 422, json: { errors: [{ path: 'items' }] } });
    expect((await end([], worker)).status).toBe(422);
    expect((await end([{ jobId: items[0]?.jobId }], worker)).status).toBe(422);
    expect((await t.job(jobs[0]?.id ?? '')).status).toBe('running');
    const answer = await end(items.slice(0, 100), worker);
    expect(answer.json.results).toHaveLength(100);
    expect(new Set(answer.json.results.map((each: { job: Job }) => each.job.status))).toEqual(new Set(['succeeded']));
  });

  it('refuses what must be refused in its place, and ends the others', async () => {
    const t = harness();
    const queue = await ownQueue(t, 4);
    const foreign = await t.running();
    const [good, stale, big, last] = (await queue.claimMany(4)) as [Job, Job, Job, Job];
    const answer = await end(
      [
        itemOf(good),
        { jobId: '00000000-0000-7000-8000-000000000000', leaseId: 'x' },
        { jobId: 'no-id', leaseId: 'x' },
        { jobId: stale.id, leaseId: 'not-its-lease' },
        { jobId: foreign.job.id, leaseId: foreign.lease },
        { ...itemOf(big), resultSummary: 'x'.repeat(8193) },
        itemOf(last),
      ],
      queue.worker,
    );
    expect(answer.status).toBe(200);
    expect(
      answer.json.results.map((each: { job?: Job; error?: { code: string; status: number } }) =>
        each.job === undefined ? [each.error?.status, each.error?.code] : each.job.status,
      ),
    ).toEqual([
      'succeeded',
      [404, 'job_not_found'],
      [404, 'job_not_found'],
      [409, 'lease_lost'],
      [409, 'lease_lost'],
      [422, 'invalid_request'],
      'succeeded',
    ]);
    for (const id of [stale.id, big.id, foreign.job.id]) expect((await t.job(id)).status).toBe('running');
  });

  it('may be repeated, and may name one job twice', async () => {
    const queue = await ownQueue(harness(), 1);
    const items = (await queue.claimMany(1)).map(itemOf);
    const first = await end(items, queue.worker);
    expect((await end(items, queue.worker)).json).toEqual(first.json);
    const twice = await end([...items, ...items], queue.worker);
    expect(twice.json.results).toEqual([...first.json.results, ...first.json.results]);
  });

  it('is for its own worker only', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    const items = [{ jobId: job.id, leaseId: lease }];
    expect(await end(items, worker, { workerId: 'somebody-else' })).toMatchObject({
      status: 403,
      json: { code: 'worker_not_authorized' },
    });
    expect((await end(items, 'admin')).status).toBe(422);
    expect((await end(items, null)).status).toBe(401);
    expect((await t.job(job.id)).status).toBe('running');
    expect((await end(items, 'admin', { workerId: worker.id })).json.results[0].job.status).toBe('succeeded');
  });
});

// Tests the batches of operators (`cancel-batch`, `retry-batch`) and the counts of unfinished jobs, on both stores.
import { expect, it } from 'vitest';
import { QueueDepths } from '../src/jobs/queue-depths.ts';
import { forEachStore } from './support/for-each-store.ts';
import { makeUser } from './support/test-user.ts';

const unknown = '00000000-0000-7000-8000-000000000000';

forEachStore('a batch of an operator', (harness) => {
  const failed = async (): Promise<string> => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    await t.post(`/api/queue/jobs/${job.id}/fail`, { errorMessage: 'x' }, worker, { 'proofhouse-lease': lease });
    return job.id;
  };
  const codesOf = (results: readonly { readonly job?: { status: string }; readonly error?: { code: string } }[]) =>
    results.map(({ job, error }) => job?.status ?? error?.code);

  it('cancels each job by itself, and answers in the order asked', async () => {
    const t = harness();
    const [one, two] = [(await t.enqueue()).id, await failed()];
    const items = [one, unknown, two, one, 'x'].map((jobId) => ({ jobId }));
    const { status, json } = await t.post('/api/queue/jobs/cancel-batch', { items, reason: 'not needed' });
    expect(status).toBe(200);
    expect(json.results.map(({ jobId }: { jobId: string }) => jobId)).toEqual(items.map(({ jobId }) => jobId));
    expect(codesOf(json.results)).toEqual([
      'cancelled',
      'job_not_found',
      'job_state_conflict',
      'cancelled',
      'job_not_found',
    ]);
    expect((await t.job(one)).cancelReason).toBe('not needed');
  });

  it('returns up to 100 failed jobs to the queue, with one audit entry for each that it changed', async () => {
    const t = harness();
    const operator = await makeUser(t, 'operator');
    const jobs = [await failed(), await failed(), await failed()];
    const queued = (await t.enqueue()).id;
    const items = [...jobs, queued, ...Array.from({ length: 96 }, () => unknown)].map((jobId) => ({ jobId }));
    const { json } = await t.post('/api/queue/jobs/retry-batch', { items }, operator.token);
    expect(codesOf(json.results).slice(0, 5)).toEqual([
      'queued',
      'queued',
      'queued',
      'job_state_conflict',
      'job_not_found',
    ]);
    const audit = (await t.get('/api/audit?limit=10')).json.items as { operation: string; target: string }[];
    const ours = audit.filter(({ operation }) => operation === 'retryJobs');
    expect(ours.map(({ target }) => target).toSorted()).toEqual(jobs.map((id) => `job:${id}`).toSorted());
    expect(ours).toMatchObject(jobs.map(() => ({ actor: operator.id, outcome: 'done' })));
  });

  it('refuses an empty batch, more than 100 items and unknown fields before it changes anything', async () => {
    const t = harness();
    const { id: jobId } = await t.enqueue();
    const item = { jobId };
    for (const body of [
      {},
      { items: [] },
      { items: Array.from({ length: 101 }, () => item) },
      { items: [{ ...item, force: true }] },
      { items: [item], color: 'red' },
    ]) {
      for (const path of ['cancel-batch', 'retry-batch']) {
        expect((await t.post(`/api/queue/jobs/${path}`, body)).status).toBe(422);
      }
    }
    expect((await t.job(jobId)).status).toBe('queued');
  });

  it('counts unfinished jobs by type and state', async () => {
    const t = harness();
    const { json } = await t.get('/api/queue/depth');
    const exec = (json.items as { type: string; state: string; count: number; isAtLeast: boolean }[]).find(
      ({ type, state }) => type === 'exec' && state === 'ready',
    );
    expect(exec).toMatchObject({ isAtLeast: false });
    expect(exec!.count).toBeGreaterThan(0);
  });
});

it('the counts are shared for two seconds, say where counting stopped, and are counted again after a failure', async () => {
  let now = 0;
  let calls = 0;
  const depths = new QueueDepths({
    clock: { monotonic: () => now } as ConstructorParameters<typeof QueueDepths>[0]['clock'],
    store: {
      depths: (most) => {
        calls += 1;
        if (calls === 2) return Promise.reject(new Error('no database'));
        return Promise.resolve([{ type: 'exec', state: 'ready', count: most } as const]);
      },
    },
  });
  const [first, second] = await Promise.all([depths.read(), depths.read()]);
  expect(first).toEqual({ items: [{ type: 'exec', state: 'ready', count: 10_000, isAtLeast: true }] });
  expect([second, calls]).toEqual([first, 1]);
  now = 2000;
  await expect(depths.read()).rejects.toThrow('no database');
  await expect(depths.read()).resolves.toEqual(first);
  expect(calls).toBe(3);
});

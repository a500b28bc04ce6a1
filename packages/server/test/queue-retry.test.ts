// Tests the retry by an operator. Only a retry changes the status `failed` or `dead_letter` of a job.
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';

const unknownJob = '00000000-0000-7000-8000-000000000000';

type Running = Awaited<ReturnType<TestServer['running']>>;

forEachStore('a retry', (harness) => {
  const write = (running: Running, verb: string, json: object = {}) =>
    harness().post(`/api/queue/jobs/${running.job.id}/${verb}`, json, running.worker, {
      'proofhouse-lease': running.lease,
    });
  const retry = (jobId: string, as: Running['worker'] | 'admin' | null = 'admin') =>
    harness().post(`/api/queue/jobs/${jobId}/retry`, {}, as);
  const failed = async (fields: object = {}): Promise<Running> => {
    const running = await harness().running(fields);
    await write(running, 'fail', { errorMessage: 'it broke' });
    return running;
  };
  const deadLettered = async (): Promise<Running> => {
    const running = await harness().running({ maxAttempts: 1 });
    await write(running, 'fail', { errorMessage: 'it broke', retryable: true });
    return running;
  };
  const kinds = async (jobId: string): Promise<string[]> =>
    (await harness().get(`/api/queue/jobs/${jobId}/events`)).json.items.map((event: { kind: string }) => event.kind);

  it('puts a failed job back: queued, the next attempt, ready at once', async () => {
    const t = harness();
    const { job, worker } = await failed();
    const answer = await retry(job.id);
    expect(answer).toMatchObject({
      status: 200,
      json: { status: 'queued', attempt: 2, maxAttempts: 3, nextAttemptAt: null, finishedAt: null },
    });
    expect(await t.claim(worker)).toMatchObject({ id: job.id, attempt: 2, startedAt: job.startedAt });
  });

  it('gives a dead-lettered job one attempt more', async () => {
    const t = harness();
    const { job, worker } = await deadLettered();
    expect((await retry(job.id)).json).toMatchObject({ status: 'queued', attempt: 2, maxAttempts: 2 });
    const again = await t.claim(worker);
    const lease = { 'proofhouse-lease': again?.leaseId };
    const body = { errorMessage: 'again', retryable: true };
    const ended = await t.post(`/api/queue/jobs/${job.id}/fail`, body, worker, lease);
    expect(ended.json.status).toBe('dead_letter');
    expect((await retry(job.id)).json).toMatchObject({ attempt: 3, maxAttempts: 3 });
  });

  it('keeps what happened before: the log goes on, the last error stays', async () => {
    const { job } = await failed();
    const before = await kinds(job.id);
    expect((await retry(job.id)).json.errorMessage).toBe('it broke');
    expect(await kinds(job.id)).toEqual([...before, 'queued']);
  });

  it('of a job in any other state is 409 job_state_conflict', async () => {
    const t = harness();
    const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    const running = await t.running();
    const succeeded = await t.running();
    await write(succeeded, 'complete');
    const cancelled = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    await t.post(`/api/queue/jobs/${cancelled.id}/cancel`);
    for (const { id } of [queued, running.job, succeeded.job, cancelled]) {
      const before = await t.job(id);
      expect(await retry(id)).toMatchObject({ status: 409, json: { code: 'job_state_conflict' } });
      expect(await t.job(id)).toEqual(before);
    }
  });

  it('twice at once puts the job back once', async () => {
    const { job } = await failed();
    const answers = await Promise.all([retry(job.id), retry(job.id), retry(job.id)]);
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 409, 409]);
    expect((await harness().job(job.id)).attempt).toBe(2);
  });

  it('is no business of workers, and says 404 of what is not there', async () => {
    const { job, worker } = await failed();
    expect(await retry(job.id, worker)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect((await retry(job.id, null)).status).toBe(401);
    expect(await retry(unknownJob)).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
    expect((await harness().job(job.id)).status).toBe('failed');
  });

  it('leaves the old lease lost, save for the final call that ended it', async () => {
    const running = await failed();
    await retry(running.job.id);
    expect((await write(running, 'fail', { errorMessage: 'it broke' })).json).toMatchObject({ status: 'queued' });
    expect((await write(running, 'complete')).json.code).toBe('lease_lost');
    expect((await write(running, 'heartbeat')).json.code).toBe('lease_lost');
    expect((await harness().job(running.job.id)).status).toBe('queued');
  });
});

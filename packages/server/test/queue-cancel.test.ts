// Tests cancellation. A queued job ends at once, and a running job when its worker acknowledges. Also tests the retry
// of failed jobs.
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import type { Answer, TestServer, TestWorker } from './support/test-server.ts';

const unknownJob = '00000000-0000-7000-8000-000000000000';

type Running = Awaited<ReturnType<TestServer['running']>>;

forEachStore('cancelling', (harness) => {
  const cancel = (jobId: string, json: object = {}, as: TestWorker | 'admin' | null = 'admin') =>
    harness().post(`/api/queue/jobs/${jobId}/cancel`, json, as);
  const write = (running: Running, verb: string, json: object = {}) =>
    harness().post(`/api/queue/jobs/${running.job.id}/${verb}`, json, running.worker, {
      'proofhouse-lease': running.lease,
    });
  const aQueuedJob = () => harness().enqueue({ requiredCapabilities: ['nobody-has-this'] });

  it('ends a queued job at once, with who and why, and nobody is given it', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    const { id } = await t.enqueue({ requiredCapabilities: [capability] });
    const answer = await cancel(id, { reason: '  not needed  ' });
    const now = new Date(t.clock.now()).toISOString();
    expect(answer).toMatchObject({
      status: 200,
      json: {
        status: 'cancelled',
        cancelRequestedAt: now,
        cancelRequestedBy: 'admin',
        cancelReason: 'not needed',
        finishedAt: now,
        startedAt: null,
      },
    });
    expect(await t.job(id)).toEqual(answer.json);
    expect(await t.claim(worker)).toBeNull();
  });

  it('ends a job that is delayed, for now or after a failed attempt', async () => {
    const t = harness();
    const delayed = await t.enqueue({ notBefore: new Date(t.clock.now() + 60_000).toISOString() });
    expect((await cancel(delayed.id)).json).toMatchObject({ status: 'cancelled', nextAttemptAt: null });
    const running = await t.running();
    await write(running, 'fail', { errorMessage: 'x', retryable: true });
    expect((await cancel(running.job.id)).json).toMatchObject({ status: 'cancelled', nextAttemptAt: null });
  });

  it('of a running job is a request that its holder sees at the next heartbeat', async () => {
    const t = harness();
    const running = await t.running();
    expect((await write(running, 'heartbeat')).json).toMatchObject({ cancelRequestedAt: null });
    const asked = await cancel(running.job.id, { reason: 'stop' });
    expect(asked.json).toMatchObject({ status: 'running', cancelReason: 'stop', finishedAt: null });
    expect(asked.json).not.toHaveProperty('leaseId');
    expect((await write(running, 'heartbeat')).json).toMatchObject({
      status: 'running',
      leaseId: running.lease,
      cancelRequestedAt: asked.json.cancelRequestedAt,
      cancelRequestedBy: 'admin',
      cancelReason: 'stop',
    });
  });

  it('again changes nothing and keeps the first reason', async () => {
    const t = harness();
    const running = await t.running();
    const queued = await aQueuedJob();
    for (const { id } of [running.job, queued]) {
      const first = await cancel(id, { reason: 'first' });
      t.clock.advance(100);
      const again = await cancel(id, { reason: 'second' });
      expect([again.status, again.json]).toEqual([200, first.json]);
    }
    await write(running, 'cancel/ack');
    expect((await cancel(running.job.id, { reason: 'third' })).json).toMatchObject({
      status: 'cancelled',
      cancelReason: 'first',
    });
  });

  it('of a job that ended otherwise is 409 job_state_conflict', async () => {
    const t = harness();
    const ends: [string, Partial<Parameters<TestServer['running']>[0]>, object][] = [
      ['complete', {}, {}],
      ['fail', {}, { errorMessage: 'x' }],
      ['fail', { maxAttempts: 1 }, { errorMessage: 'x', retryable: true }],
    ];
    const statuses: string[] = [];
    for (const [verb, fields, body] of ends) {
      const running = await t.running(fields);
      const ended = await write(running, verb, body);
      statuses.push(ended.json.status);
      expect(await cancel(running.job.id)).toMatchObject({ status: 409, json: { code: 'job_state_conflict' } });
      expect(await t.job(running.job.id)).toEqual(ended.json);
    }
    expect(statuses).toEqual(['succeeded', 'failed', 'dead_letter']);
  });

  it('is answered with 404 for an unknown job, 403 for a worker, 401 for nobody, 422 for what is no reason', async () => {
    const t = harness();
    const { job, worker } = await t.running();
    expect((await cancel(unknownJob)).json.code).toBe('job_not_found');
    expect((await cancel('no-id')).json.code).toBe('job_not_found');
    expect(await cancel(job.id, {}, worker)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect(await cancel(unknownJob, {}, worker)).toMatchObject({ status: 403 });
    expect((await cancel(job.id, {}, null)).status).toBe(401);
    expect((await cancel(job.id, { reason: 7 })).status).toBe(422);
    for (const reason of ['x'.repeat(2001), '€'.repeat(1333), '\u0001'.repeat(700)]) {
      expect((await cancel(job.id, { reason })).status).toBe(422);
    }
    expect((await t.job(job.id)).cancelRequestedAt).toBeNull();
  });

  it('keeps every reason that can be written', async () => {
    const t = harness();
    const longest = '€'.repeat(1332);
    for (const [reason, kept] of [
      ['a\u0000b', 'a\ufffdb'],
      [longest, longest],
      ['', null],
      ['  ', null],
    ] as const) {
      const { id } = await aQueuedJob();
      expect(await cancel(id, { reason })).toMatchObject({ status: 200, json: { cancelReason: kept } });
      expect((await t.get(`/api/queue/jobs/${id}/events`)).status).toBe(200);
    }
  });

  it('at the same moment as the claim leaves a job that is cancelled, or running with the request seen', async () => {
    const t = harness();
    for (let round = 0; round < 10; round++) {
      const capability = t.unique('only');
      const worker = await t.worker({ capabilities: [capability] });
      const { id } = await t.enqueue({ requiredCapabilities: [capability] });
      const [asked, claimed] = await Promise.all([cancel(id), t.claim(worker)]);
      expect(asked.status).toBe(200);
      const job = await t.job(id);
      expect(job.cancelRequestedAt).not.toBeNull();
      expect(job.status).toBe(claimed === null ? 'cancelled' : 'running');
    }
  });
});

forEachStore('a running job that was asked to stop', (harness) => {
  const asked = async (fields: object = {}, leaseSeconds = 120): Promise<Running> => {
    const running = await harness().running(fields, leaseSeconds);
    await harness().post(`/api/queue/jobs/${running.job.id}/cancel`, { reason: 'stop' });
    return running;
  };
  const write = (running: Running, verb: string, json: object = {}, lease: string | undefined = running.lease) =>
    harness().post(`/api/queue/jobs/${running.job.id}/${verb}`, json, running.worker, { 'proofhouse-lease': lease });

  it('is cancelled when its holder acknowledges', async () => {
    const running = await asked();
    const answer = await write(running, 'cancel/ack', { message: 'cleaned up' });
    expect(answer).toMatchObject({
      status: 200,
      json: { status: 'cancelled', cancelReason: 'stop', leaseExpiresAt: null },
    });
    expect(answer.json.finishedAt).not.toBeNull();
  });

  it('is still succeeded when it is completed', async () => {
    const running = await asked();
    expect((await write(running, 'complete', { resultSummary: 'was quicker' })).json).toMatchObject({
      status: 'succeeded',
      resultSummary: 'was quicker',
    });
  });

  it('is cancelled when it fails, even when that could be retried', async () => {
    for (const retryable of [false, true]) {
      const running = await asked();
      expect((await write(running, 'fail', { errorMessage: 'x', retryable })).json).toMatchObject({
        status: 'cancelled',
        attempt: 1,
        nextAttemptAt: null,
        errorMessage: 'x',
      });
    }
  });

  it('is cancelled when its lease passes, whether attempts are left or not', async () => {
    const t = harness();
    const jobs = [await asked({}, 10), await asked({ maxAttempts: 1 }, 10)];
    t.clock.advance(10_000);
    await t.server.jobs.sweep();
    for (const { job } of jobs) {
      await expect.poll(async () => (await t.job(job.id)).status, { interval: 5 }).toBe('cancelled');
    }
  });

  it('cannot be claimed again by asking under the same lease', async () => {
    const running = await asked();
    await write(running, 'cancel/ack');
    for (const verb of ['heartbeat', 'complete']) {
      expect(await write(running, verb)).toMatchObject({ status: 409, json: { code: 'lease_lost' } });
    }
  });
});

forEachStore('acknowledging', (harness) => {
  const ack = (jobId: string, worker: TestWorker, lease: string | undefined, json: object = {}): Promise<Answer> =>
    harness().post(`/api/queue/jobs/${jobId}/cancel/ack`, json, worker, { 'proofhouse-lease': lease });

  it('needs somebody to have asked', async () => {
    const { job, worker, lease } = await harness().running();
    expect(await ack(job.id, worker, lease)).toMatchObject({ status: 409, json: { code: 'job_state_conflict' } });
    expect((await harness().job(job.id)).status).toBe('running');
  });

  it('is fenced as every write of a worker is, in the same order', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    const other = await t.worker();
    const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    await t.post(`/api/queue/jobs/${job.id}/cancel`);
    expect((await ack(unknownJob, worker, undefined, { workerId: 'else' })).json.code).toBe('worker_not_authorized');
    expect((await ack(unknownJob, worker, 'any')).json.code).toBe('job_not_found');
    expect((await ack(queued.id, worker, 'any')).json.code).toBe('lease_lost');
    expect((await ack(job.id, worker, 'any')).json.code).toBe('lease_lost');
    expect((await ack(job.id, other, lease)).json.code).toBe('lease_lost');
    expect((await ack(queued.id, worker, undefined)).json.code).toBe('job_state_conflict');
    expect((await ack(job.id, other, undefined)).json.code).toBe('job_ownership_mismatch');
    expect((await ack(job.id, worker, lease, { leaseId: 'another' })).status).toBe(422);
    expect((await t.job(job.id)).status).toBe('running');
    expect((await ack(job.id, worker, undefined, { leaseId: lease })).json.status).toBe('cancelled');
  });

  it('after the lease passed is lease_lost', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running({}, 1);
    await t.post(`/api/queue/jobs/${job.id}/cancel`);
    t.clock.advance(1000);
    expect(await ack(job.id, worker, lease)).toMatchObject({ status: 409, json: { code: 'lease_lost' } });
  });

  it('again is 200 and changes nothing, in the log neither', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    await t.post(`/api/queue/jobs/${job.id}/cancel`);
    const first = await ack(job.id, worker, lease);
    const events = await t.get(`/api/queue/jobs/${job.id}/events`);
    t.clock.advance(100);
    const again = await ack(job.id, worker, lease);
    expect([again.status, again.json]).toEqual([200, first.json]);
    expect((await t.get(`/api/queue/jobs/${job.id}/events`)).json).toEqual(events.json);
  });

  it('is nothing that an operator does for a worker without naming it', async () => {
    const t = harness();
    const { job } = await t.running();
    expect((await t.post(`/api/queue/jobs/${job.id}/cancel/ack`)).status).toBe(422);
  });
});

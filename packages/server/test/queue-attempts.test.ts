// Tests the fields of a job about its current attempt and its lease holder, and the report that a worker sends at the
// end of an attempt.
import { expect, it } from 'vitest';
import type { Job, JobEvent } from '@proofhouse/core';
import { forEachStore } from './support/for-each-store.ts';
import type { Answer, TestServer } from './support/test-server.ts';

type Running = Awaited<ReturnType<TestServer['running']>>;

const finishFields = {
  finishOutcomeCode: 'NO_CHANGES',
  finishOutcomeStage: 'publish',
  finishOutcomeReason: 'publish skipped: no local changes',
  finishSummary: { schemaVersion: 'v1', publish: { status: 'skipped' }, list: [1, null, 'é'] },
};
const finish = {
  outcomeCode: 'NO_CHANGES',
  outcomeStage: 'publish',
  outcomeReason: 'publish skipped: no local changes',
  summary: finishFields.finishSummary,
};

forEachStore('an attempt', (harness) => {
  const write = ({ job, worker, lease }: Running, verb: string, json: object = {}): Promise<Answer> =>
    harness().post(`/api/queue/jobs/${job.id}/${verb}`, json, worker, { 'proofhouse-lease': lease });
  const logOf = async (jobId: string): Promise<JobEvent[]> =>
    (await harness().get(`/api/queue/jobs/${jobId}/events`)).json.items as JobEvent[];
  const iso = (): string => new Date(harness().clock.now()).toISOString();
  const claimAgain = async ({ job, worker }: Running, leaseSeconds = 120): Promise<Running> => {
    const claimed = (await harness().claim(worker, { leaseSeconds }))!;
    expect(claimed.id).toBe(job.id);
    return { job: claimed, worker, lease: claimed.leaseId! };
  };

  it('that succeeds after one that failed has no error; the events keep that of the first', async () => {
    const t = harness();
    const first = await t.running();
    expect(first.job.attemptStartedAt).toBe(first.job.startedAt);
    await write(first, 'fail', { errorMessage: 'no disk', retryable: true, ...finishFields });
    expect(await t.job(first.job.id)).toMatchObject({ errorMessage: 'no disk', finish, attemptStartedAt: null });
    t.clock.advance(15_000);
    const second = await claimAgain(first);
    const held = { errorMessage: null, resultSummary: null, finish: null };
    expect(second.job).toMatchObject({ ...held, attempt: 2, startedAt: first.job.startedAt, attemptStartedAt: iso() });
    t.clock.advance(1000);
    const done = (await write(second, 'complete', { resultSummary: 'ok' })).json as Job;
    expect(done).toMatchObject({ status: 'succeeded', resultSummary: 'ok', errorMessage: null, finish: null });
    expect(done.attemptStartedAt).toBe(second.job.attemptStartedAt);
    expect((await logOf(done.id)).map(({ message }) => message)).toContain('Attempt 1 failed: no disk');
  });

  it('after a lost lease, and after a retry by an operator, begins without the error of the one before', async () => {
    const t = harness();
    const first = await t.running({ maxAttempts: 2 }, 10);
    t.clock.advance(10_000);
    await t.server.jobs.sweep();
    await expect.poll(async () => (await t.job(first.job.id)).status, { interval: 5 }).toBe('queued');
    expect((await t.job(first.job.id)).errorMessage).toMatch(/lease/);
    t.clock.advance(1000);
    const second = await claimAgain(first);
    expect(second.job).toMatchObject({ errorMessage: null, attemptStartedAt: iso() });
    await write(second, 'fail', { errorMessage: 'broken' });
    await t.post(`/api/queue/jobs/${first.job.id}/retry`);
    expect(await t.job(first.job.id)).toMatchObject({ errorMessage: 'broken', attemptStartedAt: null });
    t.clock.advance(1000);
    const third = await claimAgain(second);
    expect(third.job).toMatchObject({ errorMessage: null, attemptStartedAt: iso(), startedAt: first.job.startedAt });
  });

  it('names who holds the job in claimedBy while it runs, and in lastClaimedBy for good', async () => {
    const t = harness();
    const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    expect(queued).toMatchObject({ claimedBy: null, lastClaimedBy: null });
    const first = await t.running();
    const id = first.worker.id;
    expect(first.job).toMatchObject({ claimedBy: id, lastClaimedBy: id });
    await write(first, 'fail', { errorMessage: 'x', retryable: true });
    expect(await t.job(first.job.id)).toMatchObject({ status: 'queued', claimedBy: null, lastClaimedBy: id });
    t.clock.advance(15_000);
    const second = await claimAgain(first);
    const done = await write(second, 'complete');
    expect(done.json).toMatchObject({ status: 'succeeded', claimedBy: null, lastClaimedBy: id });
    expect(await write(second, 'complete')).toMatchObject({ status: 200, json: done.json });
    const read = await t.get(`/api/queue/jobs/${first.job.id}`, first.worker);
    expect(read).toMatchObject({ status: 403, json: { code: 'forbidden' } });
  });

  it.each([
    ['complete', {}, 'succeeded'],
    ['fail', { errorMessage: 'x' }, 'failed'],
    ['cancel/ack', {}, 'cancelled'],
  ] as const)('ended by %s keeps what the worker said of its end', async (verb, body, status) => {
    const t = harness();
    const running = await t.running();
    if (verb === 'cancel/ack') await t.post(`/api/queue/jobs/${running.job.id}/cancel`);
    const ended = await write(running, verb, { ...body, ...finishFields });
    expect(ended).toMatchObject({ status: 200, json: { status, finish } });
    expect((await t.job(running.job.id)).finish).toEqual(finish);
    expect((await logOf(running.job.id)).at(-1)?.payload).toMatchObject({
      outcomeCode: 'NO_CHANGES',
      outcomeStage: 'publish',
    });
    expect(await write(running, verb, { ...body, ...finishFields })).toMatchObject({ status: 200, json: ended.json });
  });

  it('ended in a batch keeps it too', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    const items = [{ jobId: job.id, leaseId: lease, ...finishFields }];
    const answer = await t.post('/api/queue/jobs/complete-batch', { items }, worker);
    expect(answer.json.results[0]).toMatchObject({ job: { finish } });
  });

  it('may end with any part of it: a text as the summary, blanks as nothing, and up to 8 KiB', async () => {
    const t = harness();
    const endWith = async (fields: object): Promise<Answer> => write(await t.running(), 'complete', fields);
    const nothing = { outcomeCode: null, outcomeStage: null, outcomeReason: null, summary: null };
    expect((await endWith({})).json.finish).toBeNull();
    expect(
      (await endWith({ finishOutcomeCode: '', finishSummary: ' ', finishOutcomeStage: null })).json.finish,
    ).toBeNull();
    const text = 'é'.repeat(4096);
    expect((await endWith({ finishSummary: text })).json.finish).toEqual({ ...nothing, summary: text });
    const object = { a: 'x'.repeat(8192 - 8) };
    expect((await endWith({ finishSummary: object })).json.finish).toEqual({ ...nothing, summary: object });
    expect((await endWith({ finishSummary: {} })).json.finish).toEqual({ ...nothing, summary: {} });
    expect((await endWith({ finishOutcomeReason: 'a\u0000b' })).json.finish.outcomeReason).toBe('a\ufffdb');
  });

  it.each([
    ['a summary of 8193 bytes', { finishSummary: 'x'.repeat(8193) }, 'finishSummary'],
    ['a summary of 8193 bytes of JSON', { finishSummary: { a: 'x'.repeat(8193 - 8) } }, 'finishSummary'],
    ['a summary that is a list', { finishSummary: [] }, 'finishSummary'],
    ['a summary that is a number', { finishSummary: 1 }, 'finishSummary'],
    ['a code of 129 characters', { finishOutcomeCode: 'x'.repeat(129) }, 'finishOutcomeCode'],
    ['a stage that is no text', { finishOutcomeStage: {} }, 'finishOutcomeStage'],
    ['a reason of 1001 characters', { finishOutcomeReason: 'x'.repeat(1001) }, 'finishOutcomeReason'],
  ])('is not ended by %s: 422', async (_what, fields, path) => {
    const t = harness();
    const running = await t.running();
    const refused = await write(running, 'complete', fields);
    expect(refused).toMatchObject({ status: 422, json: { errors: [{ path }] } });
    expect((await t.job(running.job.id)).status).toBe('running');
  });
});

forEachStore('the last events of a worker', (harness) => {
  const append = ({ job, worker }: Running, message: string, lease?: string): Promise<Answer> =>
    harness().post(`/api/queue/jobs/${job.id}/events`, { message }, worker, { 'proofhouse-lease': lease });
  const end = ({ job, worker, lease }: Running, verb: string, json: object = {}): Promise<Answer> =>
    harness().post(`/api/queue/jobs/${job.id}/${verb}`, json, worker, { 'proofhouse-lease': lease });

  it.each([
    ['complete', {}],
    ['fail', { errorMessage: 'x' }],
    ['cancel/ack', {}],
  ] as const)('are taken for 60 s after its %s ended the job, under its lease or none', async (verb, body) => {
    const t = harness();
    const running = await t.running();
    if (verb === 'cancel/ack') await t.post(`/api/queue/jobs/${running.job.id}/cancel`);
    expect((await end(running, verb, body)).status).toBe(200);
    expect((await append(running, 'one', running.lease)).status).toBe(201);
    t.clock.advance(60_000);
    expect((await append(running, 'two')).status).toBe(201);
    t.clock.advance(1);
    expect((await append(running, 'late', running.lease)).json.code).toBe('lease_lost');
    expect((await append(running, 'late')).json.code).toBe('job_state_conflict');
    const { items, nextCursor } = (await t.get(`/api/queue/jobs/${running.job.id}/events`)).json;
    expect((items as JobEvent[]).slice(-2).map(({ message }) => message)).toEqual(['one', 'two']);
    expect(nextCursor).toBeNull();
  });

  it('are taken after a fail that used up the attempts, and under an idempotency key once', async () => {
    const t = harness();
    const running = await t.running({ maxAttempts: 1 });
    await end(running, 'fail', { errorMessage: 'x', retryable: true });
    const headers = { 'proofhouse-lease': running.lease, 'idempotency-key': t.unique('key') };
    const post = () => t.post(`/api/queue/jobs/${running.job.id}/events`, { message: 'once' }, running.worker, headers);
    expect([(await post()).status, (await post()).status]).toEqual([201, 200]);
  });

  it('are of that worker and that lease alone', async () => {
    const t = harness();
    const running = await t.running();
    await end(running, 'complete');
    const other = await t.worker();
    expect((await append({ ...running, worker: other }, 'x', running.lease)).json.code).toBe('lease_lost');
    expect((await append({ ...running, worker: other }, 'x')).json.code).toBe('job_state_conflict');
    expect((await append(running, 'x', 'another-lease')).json.code).toBe('lease_lost');
    // After the end of a job, the worker that held it last may still append events. It may make no other write call.
    const lease = { 'proofhouse-lease': running.lease };
    expect((await t.post(`/api/queue/jobs/${running.job.id}/heartbeat`, {}, running.worker, lease)).status).toBe(409);
    expect((await t.put(running.job.id, { name: 'a', as: running.worker, headers: lease })).status).toBe(409);
  });

  it('are refused when its call did not end the job: put back, cancelled while it waited, or a lost lease', async () => {
    const t = harness();
    const requeued = await t.running();
    await end(requeued, 'fail', { errorMessage: 'x', retryable: true });
    expect((await append(requeued, 'x', requeued.lease)).json.code).toBe('lease_lost');
    await t.post(`/api/queue/jobs/${requeued.job.id}/cancel`);
    expect((await t.job(requeued.job.id)).status).toBe('cancelled');
    expect((await append(requeued, 'x', requeued.lease)).json.code).toBe('lease_lost');
    expect((await append(requeued, 'x')).json.code).toBe('job_state_conflict');
    const lost = await t.running({ maxAttempts: 1 }, 10);
    t.clock.advance(10_000);
    await t.server.jobs.sweep();
    await expect.poll(async () => (await t.job(lost.job.id)).status, { interval: 5 }).toBe('dead_letter');
    expect((await append(lost, 'x', lost.lease)).json.code).toBe('lease_lost');
    expect((await append(lost, 'x')).json.code).toBe('job_state_conflict');
  });
});

// Tests heartbeat, complete and fail. Only the worker that holds a running job may make these calls.
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { head, RawConnection, type RawAnswer } from './support/raw-socket.ts';
import type { TestServer, TestWorker } from './support/test-server.ts';

const unknownJob = '00000000-0000-7000-8000-000000000000';

/** Paths and correct bodies of the write calls that a lease holder may make. */
const verbs = [
  ['heartbeat', {}],
  ['complete', {}],
  ['fail', { errorMessage: 'it broke' }],
] as const;

type Running = Awaited<ReturnType<TestServer['running']>>;

forEachStore('a holder', (harness) => {
  const write = (running: Running, verb: string, json: object = {}, lease: string | undefined = running.lease) =>
    harness().post(`/api/queue/jobs/${running.job.id}/${verb}`, json, running.worker, { 'proofhouse-lease': lease });

  it('renews its lease to now plus what it asks for', async () => {
    const t = harness();
    const running = await t.running({}, 60);
    t.clock.advance(59_999);
    const answer = await write(running, 'heartbeat', { leaseSeconds: 90 });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      status: 'running',
      leaseId: running.lease,
      cancelRequestedAt: null,
      leaseExpiresAt: new Date(t.clock.now() + 90_000).toISOString(),
    });
    t.clock.advance(89_999);
    expect((await write(running, 'heartbeat')).status).toBe(200);
  });

  it('completes the job with a summary', async () => {
    const t = harness();
    const running = await t.running();
    const answer = await write(running, 'complete', { resultSummary: 'all\ndone \u0000 é' });
    expect(answer.json).toMatchObject({
      status: 'succeeded',
      resultSummary: 'all\ndone \uFFFD é',
      finishedAt: new Date(t.clock.now()).toISOString(),
      leaseExpiresAt: null,
    });
    expect(answer.json).not.toHaveProperty('leaseId');
  });

  it('fails the job for good', async () => {
    const running = await harness().running();
    const answer = await write(running, 'fail', { errorMessage: 'it broke' });
    expect(answer.json).toMatchObject({ status: 'failed', errorMessage: 'it broke', attempt: 1 });
  });

  it('fails the attempt: the next waits 15 s, 30 s, 60 s ... and the last leads to dead_letter', async () => {
    const t = harness();
    const running = await t.running({ maxAttempts: 4 });
    let lease = running.lease;
    for (const [attempt, delay] of [15, 30, 60].entries()) {
      const failed = await write(running, 'fail', { errorMessage: 'again', retryable: true }, lease);
      expect(failed.json).toMatchObject({
        status: 'queued',
        attempt: attempt + 2,
        nextAttemptAt: new Date(t.clock.now() + delay * 1000).toISOString(),
      });
      t.clock.advance(delay * 1000 - 1);
      expect(await t.claim(running.worker)).toBeNull();
      t.clock.advance(1);
      const next = await t.claim(running.worker, { leaseSeconds: 3600 });
      expect(next).toMatchObject({ id: running.job.id, startedAt: running.job.startedAt });
      lease = next?.leaseId ?? '';
    }
    const last = await write(running, 'fail', { errorMessage: 'still', retryable: true }, lease);
    expect(last.json).toMatchObject({ status: 'dead_letter', attempt: 4, errorMessage: 'still' });
  });

  it.each([
    ['complete', { resultSummary: 'x'.repeat(8192) }, 200],
    ['complete', { resultSummary: 'x'.repeat(8193) }, 422],
    ['complete', { resultSummary: 'é'.repeat(4097) }, 422],
    ['complete', { resultSummary: '\u0000'.repeat(8192) }, 422],
    ['fail', { errorMessage: 'x'.repeat(8192) }, 200],
    ['fail', { errorMessage: 'x'.repeat(8193) }, 422],
    ['fail', { errorMessage: ' \n ' }, 422],
    ['fail', {}, 422],
    ['heartbeat', { leaseSeconds: 0 }, 422],
    ['heartbeat', { nonsense: 1 }, 422],
  ])('%s with %.60j is answered as it must', async (verb, json, status) => {
    const running = await harness().running();
    expect((await write(running, verb, json)).status).toBe(status);
    if (status === 422) expect((await harness().job(running.job.id)).status).toBe('running');
  });

  it('may say its lease in the body, but not two different ones', async () => {
    const t = harness();
    for (const [verb, body] of verbs) {
      const running = await t.running();
      const url = `/api/queue/jobs/${running.job.id}/${verb}`;
      const both = await t.post(url, { ...body, leaseId: 'another' }, running.worker, {
        'proofhouse-lease': running.lease,
      });
      expect(both).toMatchObject({ status: 422, json: { errors: [{ path: 'leaseId' }] } });
      expect((await t.post(url, { ...body, leaseId: 'another' }, running.worker)).json.code).toBe('lease_lost');
      expect((await t.post(url, { ...body, leaseId: running.lease }, running.worker)).status).toBe(200);
    }
  });

  it('may leave its lease out and is known by its worker', async () => {
    const t = harness();
    for (const [verb, body] of verbs) {
      const running = await t.running();
      expect((await t.post(`/api/queue/jobs/${running.job.id}/${verb}`, body, running.worker)).status).toBe(200);
    }
  });

  it('may repeat its final call under its lease: 200, and nothing changes', async () => {
    const t = harness();
    for (const [verb, body] of [verbs[1], verbs[2], ['fail', { errorMessage: 'x', retryable: true }]] as const) {
      const running = await t.running();
      const first = await write(running, verb, body);
      t.clock.advance(500);
      const again = await write(running, verb, body);
      expect([again.status, again.json]).toEqual([200, first.json]);
    }
  });

  it('may not repeat it as something else, nor without its lease', async () => {
    const running = await harness().running();
    await write(running, 'complete');
    expect(await write(running, 'fail', { errorMessage: 'x' })).toMatchObject({
      status: 409,
      json: { code: 'lease_lost' },
    });
    expect(await write(running, 'heartbeat')).toMatchObject({ status: 409, json: { code: 'lease_lost' } });
    const bare = await harness().post(`/api/queue/jobs/${running.job.id}/complete`, {}, running.worker);
    expect(bare).toMatchObject({ status: 409, json: { code: 'job_state_conflict' } });
  });
});

forEachStore('fencing', (harness) => {
  const write = (jobId: string, verb: string, body: object, worker: TestWorker, lease?: string) =>
    harness().post(`/api/queue/jobs/${jobId}/${verb}`, body, worker, { 'proofhouse-lease': lease });

  it.each(verbs)('%s on an unknown job is 404, whatever the lease', async (verb, body) => {
    const worker = await harness().worker();
    for (const lease of [undefined, 'any-lease']) {
      expect(await write(unknownJob, verb, body, worker, lease)).toMatchObject({
        status: 404,
        json: { code: 'job_not_found' },
      });
    }
  });

  it.each(verbs)('%s for another worker is 403 before the job is looked up', async (verb, body) => {
    const worker = await harness().worker();
    const answer = await write(unknownJob, verb, { ...body, workerId: 'somebody-else' }, worker);
    expect(answer).toMatchObject({ status: 403, json: { code: 'worker_not_authorized' } });
  });

  it.each(verbs)('%s under a lease that is not current is lease_lost, whatever the status', async (verb, body) => {
    const t = harness();
    const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    const running = await t.running();
    const ended = await t.running();
    await write(ended.job.id, 'complete', {}, ended.worker, ended.lease);
    for (const jobId of [queued.id, running.job.id, ended.job.id]) {
      expect(await write(jobId, verb, body, running.worker, 'not-the-lease')).toMatchObject({
        status: 409,
        json: { code: 'lease_lost' },
      });
    }
  });

  it.each(verbs)('%s under the lease of another worker is lease_lost', async (verb, body) => {
    const t = harness();
    const running = await t.running();
    const thief = await t.worker();
    expect(await write(running.job.id, verb, body, thief, running.lease)).toMatchObject({
      status: 409,
      json: { code: 'lease_lost' },
    });
  });

  it.each(verbs)('%s without a lease tells a job that is not running from one held by another', async (verb, body) => {
    const t = harness();
    const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    const running = await t.running();
    const other = await t.worker();
    expect((await write(queued.id, verb, body, other)).json.code).toBe('job_state_conflict');
    expect(await write(running.job.id, verb, body, other)).toMatchObject({
      status: 409,
      json: { code: 'job_ownership_mismatch' },
    });
  });

  it.each(verbs)('%s at the moment the lease passes is lease_lost, before any sweep', async (verb, body) => {
    const t = harness();
    for (const withLease of [true, false]) {
      const running = await t.running({}, 1);
      t.clock.advance(1000);
      const answer = await write(running.job.id, verb, body, running.worker, withLease ? running.lease : undefined);
      expect(answer).toMatchObject({ status: 409 });
      expect(['lease_lost', 'job_state_conflict']).toContain(answer.json.code);
      if (withLease) expect(answer.json.code).toBe('lease_lost');
    }
  });

  it('a worker that lost its lease cannot complete what another now works on', async () => {
    const t = harness();
    const lost = await t.running({}, 10);
    t.clock.advance(10_000);
    await t.server.jobs.sweep();
    // The server may run a sweep at the same time, and the sweep locks the row. So the test polls.
    await expect.poll(async () => (await t.job(lost.job.id)).status, { interval: 5 }).toBe('queued');
    expect(await t.job(lost.job.id)).toMatchObject({ attempt: 2, claimedBy: null, lastClaimedBy: lost.worker.id });
    t.clock.advance(1000);
    const again = await t.claim(lost.worker);
    expect(again?.id).toBe(lost.job.id);
    expect(again?.leaseId).not.toBe(lost.lease);
    expect((await write(lost.job.id, 'complete', {}, lost.worker, lost.lease)).json.code).toBe('lease_lost');
    expect((await write(lost.job.id, 'complete', {}, lost.worker, again?.leaseId)).status).toBe(200);
  });

  it('a lease that passes with no attempt left leads to dead_letter, without anybody claiming', async () => {
    const t = harness();
    const { job } = await t.running({ maxAttempts: 1 }, 10);
    const status = async (): Promise<string> => {
      t.clock.advance(2000);
      return (await t.job(job.id)).status;
    };
    await expect.poll(status, { interval: 5 }).toBe('dead_letter');
    expect((await t.job(job.id)).errorMessage).toMatch(/lease passed/);
  });

  it('one sweep ends every lease that passed, more than fit into one commit', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    const fields = { type: 'codex_skill', requiredCapabilities: [capability] };
    await Promise.all(Array.from({ length: 450 }, () => t.enqueue(fields)));
    for (let round = 0; round < 5; round++) {
      await t.post('/api/queue/jobs/claim', { leaseSeconds: 1, maxJobs: 100 }, worker);
    }
    const running = async () =>
      (await t.server.store.jobs.depths(1000)).filter(({ type, state }) => {
        return type === 'codex_skill' && state === 'running';
      });
    expect(await running()).toMatchObject([{ count: 450 }]);
    t.clock.advance(1000);
    await t.server.jobs.sweep();
    // The server may run a sweep at the same time, and the sweep locks some of the rows. So the test polls.
    await expect.poll(running, { interval: 5 }).toEqual([]);
  });

  it('of two final calls at once under one lease one wins, and the job tells which', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    const answers = await Promise.all([
      write(job.id, 'complete', {}, worker, lease),
      write(job.id, 'fail', { errorMessage: 'x' }, worker, lease),
    ]);
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 409]);
    const won = answers.find((answer) => answer.status === 200);
    expect((await t.job(job.id)).status).toBe(won?.json.status);
  });

  it('two different leases in one header are refused', async () => {
    const { job, worker } = await harness().running();
    expect((await write(job.id, 'heartbeat', {}, worker, 'a b')).status).toBe(422);
    expect((await write(job.id, 'heartbeat', {}, worker, 'x'.repeat(256))).status).toBe(422);
  });
});

forEachStore('a lease in the header, before the body is there,', (harness) => {
  /** Headers that announce a body. The test does not send the body. */
  const announced = [
    { 'Content-Length': 900_000 },
    { 'Transfer-Encoding': 'chunked' },
    { 'Content-Length': 2, Expect: '100-continue' },
  ];

  /** Sends the headers of a call without its body, and returns the first answer. */
  async function ask(
    jobId: string,
    verb: string,
    headers: Readonly<Record<string, string | number>>,
    worker: TestWorker,
  ): Promise<{ answer: RawAnswer | undefined; connection: RawConnection }> {
    const connection = await RawConnection.open(await harness().listen());
    const authorization = { Host: 'localhost', Authorization: `Bearer ${worker.token}` };
    connection.write(
      head(`POST /api/queue/jobs/${jobId}/${verb} HTTP/1.1`, {
        ...authorization,
        'Content-Type': 'application/json',
        ...headers,
      }),
    );
    return { answer: await connection.answer(), connection };
  }

  it.each([...verbs, ['cancel/ack', {}], ['events', {}]] as const)(
    'of %s is checked: first 404 job_not_found, then 409 lease_lost',
    async (verb) => {
      const { job, worker } = await harness().running();
      for (const how of announced) {
        const headers = { ...how, 'Proofhouse-Lease': 'not-the-lease' };
        const [unknown, lost] = await Promise.all([
          ask(unknownJob, verb, headers, worker),
          ask(job.id, verb, headers, worker),
        ]);
        expect(unknown.answer).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
        expect(lost.answer).toMatchObject({
          status: 409,
          json: { code: 'lease_lost' },
          headers: { connection: 'close' },
        });
        unknown.connection.close();
        lost.connection.close();
      }
    },
  );

  it('that holds lets the body come, and so does one under which the job was ended by the same call', async () => {
    const { job, worker, lease } = await harness().running();
    const headers = { 'Proofhouse-Lease': lease, 'Content-Length': 2, Expect: '100-continue' };
    for (const verb of ['heartbeat', 'complete', 'complete']) {
      const { answer, connection } = await ask(job.id, verb, headers, worker);
      expect(answer?.status).toBe(100);
      connection.write('{}');
      expect((await connection.answer())?.status).toBe(200);
      connection.close();
    }
  });

  it('that is lost lets a repetition under its key come, and the commit refuse what is none', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running({}, 10);
    const key = { 'idempotency-key': t.unique('key') };
    const url = `/api/queue/jobs/${job.id}/events`;
    const body = { events: [{ message: 'x'.repeat(2000) }] };
    const large = { events: Array.from({ length: 20 }, () => ({ message: 'x'.repeat(2000) })) };
    const first = await t.post(url, large, worker, { 'proofhouse-lease': lease, ...key });
    t.clock.advance(10_000);
    expect(await t.post(url, large, worker, { 'proofhouse-lease': lease, ...key })).toMatchObject({
      status: 200,
      json: first.json,
    });
    const other = { 'idempotency-key': t.unique('key') };
    expect((await t.post(url, body, worker, { 'proofhouse-lease': lease, ...other })).json.code).toBe('lease_lost');
  });
});

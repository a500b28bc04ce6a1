// Tests waiting claims: which events wake a claim, and which of several claims is woken. Also tests that a wake reaches
// another server on the same Postgres.
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { Job } from '@proofhouse/core';
import { ManualClock } from '@proofhouse/server';
import { EventStreamReader } from './support/event-stream-reader.ts';
import { forEachStore } from './support/for-each-store.ts';
import { migratedDatabase } from '../src/stores/sql/dialects/postgres/testing/test-database.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

/** Returns a worker, and a function that enqueues jobs for this worker. No other worker can claim these jobs. */
async function ownQueue(t: TestServer) {
  const capability = t.unique('only');
  const worker = await t.worker({ capabilities: [capability] });
  const enqueue = (fields: object = {}) => t.enqueue({ requiredCapabilities: [capability], ...fields });
  return { capability, worker, enqueue };
}

/** Starts a claim that waits. Returns after the first query of the claim has found nothing. */
async function waiting(t: TestServer, ...args: Parameters<TestServer['claim']>): Promise<{ job: Promise<Job | null> }> {
  const [worker, fields = {}] = args;
  const looks = vi.spyOn(t.server.store.jobs, 'claim');
  const job = t.claim(worker, { waitSeconds: 30, ...fields });
  const looked = () =>
    looks.mock.calls.findIndex(([request], index) => {
      return request.workerId === worker.id && looks.mock.settledResults[index]?.type === 'fulfilled';
    });
  await expect.poll(looked, { interval: 2 }).toBeGreaterThanOrEqual(0);
  looks.mockRestore();
  await new Promise((settle) => setImmediate(settle));
  return { job };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), new Promise<false>((settle) => setTimeout(settle, 50, false))]);
}

forEachStore('a waiting claim, while no clock moves,', (harness) => {
  it('is given a job that an operator puts back', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    await t.post(`/api/queue/jobs/${job.id}/fail`, { errorMessage: 'x' }, worker, { 'proofhouse-lease': lease });
    const claim = await waiting(t, worker);
    await t.post(`/api/queue/jobs/${job.id}/retry`);
    expect(await claim.job).toMatchObject({ id: job.id, attempt: 2 });
  });

  it('is given a job that arrives while it looks for the first time', async () => {
    const t = harness();
    const { worker, enqueue } = await ownQueue(t);
    for (let round = 0; round < 25; round++) {
      const [made, claimed] = await Promise.all([enqueue(), t.claim(worker, { waitSeconds: 30 })]);
      expect(claimed?.id).toBe(made.id);
    }
  });

  it('is not woken by what it may not have, which wakes the one behind it that may', async () => {
    const t = harness();
    const first = await ownQueue(t);
    const second = await ownQueue(t);
    const early = await waiting(t, first.worker);
    const late = await waiting(t, second.worker);
    const made = await second.enqueue();
    expect((await late.job)?.id).toBe(made.id);
    expect(await settled(early.job)).toBe(false);
    const own = await first.enqueue();
    expect((await early.job)?.id).toBe(own.id);
  });

  it('is alone in being woken by one arrival, the longest waiting first', async () => {
    const t = harness();
    const { worker, capability, enqueue } = await ownQueue(t);
    const other = await t.worker({ capabilities: [capability] });
    const early = await waiting(t, worker);
    const late = await waiting(t, other);
    const looks = vi.spyOn(t.server.store.jobs, 'claim');
    const one = await enqueue();
    expect((await early.job)?.id).toBe(one.id);
    expect(await settled(late.job)).toBe(false);
    expect(looks.mock.calls.filter(([request]) => request.capabilities.includes(capability))).toHaveLength(1);
    looks.mockRestore();
    const two = await enqueue();
    expect((await late.job)?.id).toBe(two.id);
  });

  it('wakes once for each of many arrivals', async () => {
    const t = harness();
    const { worker, enqueue } = await ownQueue(t);
    const claims = Array.from({ length: 10 }, () => t.claim(worker, { waitSeconds: 30 }));
    const made = await Promise.all(Array.from({ length: 10 }, () => enqueue()));
    const got = (await Promise.all(claims)).map((job) => job?.id);
    expect(got.toSorted()).toEqual(made.map((job) => job.id).toSorted());
  });

  it('is given a job whose delay a sweep ends', async () => {
    const t = harness();
    const { worker, enqueue } = await ownQueue(t);
    const made = await enqueue({ notBefore: new Date(t.clock.now() + 400).toISOString() });
    const claim = await waiting(t, worker);
    t.clock.advance(400);
    await t.server.jobs.sweep();
    expect((await claim.job)?.id).toBe(made.id);
  });

  it('is given a job whose delay the claim of another ends, which may not have it', async () => {
    const t = harness();
    const { worker, enqueue } = await ownQueue(t);
    const made = await enqueue({ notBefore: new Date(t.clock.now() + 400).toISOString() });
    const claim = await waiting(t, worker);
    t.clock.advance(400);
    expect(await t.claim(await t.worker({ allowedJobTypes: ['codex_skill'] }))).toBeNull();
    expect((await claim.job)?.id).toBe(made.id);
  });

  it('with maxJobs answers with the first that comes', async () => {
    const t = harness();
    const { worker, enqueue } = await ownQueue(t);
    const claim = t.post('/api/queue/jobs/claim', { maxJobs: 10, waitSeconds: 30 }, worker);
    const made = await enqueue();
    expect((await claim).json.jobs).toMatchObject([{ id: made.id }]);
  });
});

forEachStore('a waiting claim', (harness) => {
  it('is given the job of a lost worker within its lease and 5 s', async () => {
    const t = harness();
    const lost = await t.running({}, 20);
    const claimedAt = t.clock.now();
    const claim = await waiting(t, lost.worker);
    let got: Job | null | undefined;
    void claim.job.then((job) => (got = job));
    while (got === undefined) {
      t.clock.advance(250);
      await new Promise((settle) => setTimeout(settle, 5));
    }
    expect(got).toMatchObject({ id: lost.job.id, attempt: 2 });
    expect(Date.parse(got?.updatedAt ?? '') - claimedAt).toBeLessThanOrEqual(25_000);
  });
});

forEachStore('a lease that passed and is found by a claim', (harness) => {
  it('is told of at once, to streams and in the metrics', async () => {
    const t = harness();
    const sweep = vi.spyOn(t.server.store.jobs, 'sweep').mockResolvedValue({ ended: [], ready: [] });
    const lost = await t.running({}, 10);
    const leasesLost = async (): Promise<string | undefined> =>
      /^proofhouse_leases_lost_total (\d+)$/m.exec((await t.get('/metrics')).text)?.[1];
    const before = Number(await leasesLost());
    const reader = await EventStreamReader.open(t, '/api/queue/events/stream');
    t.clock.advance(10_000);
    expect(await t.claim(await t.worker({ allowedJobTypes: ['codex_skill'] }))).toBeNull();
    expect(await reader.next()).toMatchObject({ data: { jobId: lost.job.id, status: 'queued', seq: 4 } });
    expect(Number(await leasesLost())).toBe(before + 1);
    reader.close();
    sweep.mockRestore();
  });
});

const postgresUrl = inject('postgresUrl');

describe.skipIf(postgresUrl === undefined)('two servers on one Postgres', () => {
  // In these tests the clock advances only by 50 ms, the batch delay of hints. A waiting claim that is not woken
  // queries again only after a second. So a claim that gets a job was woken.
  const clock = new ManualClock();
  let one: TestServer;
  let two: TestServer;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await migratedDatabase(postgresUrl ?? '');
    drop = database.drop;
    const start = () => startTestServer({ store: 'memory', clock, settings: { databaseUrl: database.url } });
    one = await start();
    two = await start();
  });

  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await drop();
  });

  // Advances the clock by the batch delay of hints. The server then sends its hints to the other server.
  const gathered = (): void => {
    clock.advance(50);
  };

  it('a job that arrives at one wakes a claim that waits at the other', async () => {
    for (let round = 0; round < 5; round++) {
      const { worker, enqueue } = await ownQueue(one);
      const claim = await waiting(two, worker);
      const made = await enqueue();
      gathered();
      expect((await claim.job)?.id).toBe(made.id);
    }
  });

  it('a job whose delay ends at one wakes a claim that waits at the other', async () => {
    const { worker, enqueue } = await ownQueue(one);
    const made = await enqueue({ notBefore: new Date(clock.now() + 400).toISOString() });
    const claim = await waiting(two, worker);
    clock.advance(400);
    await one.server.jobs.sweep();
    gathered();
    expect((await claim.job)?.id).toBe(made.id);
  });

  it('a job that is put back at one wakes a claim that waits at the other', async () => {
    const { job, worker } = await one.running();
    await one.post(`/api/queue/jobs/${job.id}/fail`, { errorMessage: 'x' }, worker);
    gathered();
    const claim = await waiting(two, worker);
    await one.post(`/api/queue/jobs/${job.id}/retry`);
    gathered();
    expect(await claim.job).toMatchObject({ id: job.id, attempt: 2 });
  });

  it('an arrival wakes one claim at each, and one of them gets it', async () => {
    const { worker, enqueue } = await ownQueue(one);
    const claims = [await waiting(one, worker), await waiting(two, worker)];
    const first = await enqueue();
    gathered();
    const second = await enqueue();
    gathered();
    const got = await Promise.all(claims.map(async ({ job }) => (await job)?.id));
    expect(got.toSorted()).toEqual([first.id, second.id].toSorted());
  });

  it('so many arrivals that no message can name them still wake the other', async () => {
    const { worker, enqueue } = await ownQueue(one);
    const claim = await waiting(two, worker);
    const made = await Promise.all(Array.from({ length: 80 }, () => enqueue()));
    gathered();
    expect(made.map((job) => job.id)).toContain((await claim.job)?.id);
  });

  it('a stream at one follows what is written at the other, and goes on there', async () => {
    const running = await one.running();
    const path = `/api/queue/jobs/${running.job.id}/events/stream`;
    const events = `/api/queue/jobs/${running.job.id}/events`;
    const reader = await EventStreamReader.open(two, path);
    await reader.take(2);
    for (const seq of ['3', '4']) {
      await one.post(events, { message: seq }, running.worker);
      gathered();
      expect(await reader.next()).toMatchObject({ id: seq, data: { message: seq } });
    }
    reader.close();
    await two.post(events, { message: '5' }, running.worker);
    await two.post(`/api/queue/jobs/${running.job.id}/complete`, {}, running.worker);
    const resumed = await EventStreamReader.open(one, path, { headers: { 'last-event-id': '4' } });
    expect((await resumed.rest()).map((item) => item.id)).toEqual(['5', '6']);
  });

  it('the stream of hints at one tells of changes at the other', async () => {
    const reader = await EventStreamReader.open(two, '/api/queue/events/stream');
    const { id } = await one.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    gathered();
    for (;;) {
      const item = await reader.next();
      if (item?.data.jobId !== id) continue;
      expect(item).toEqual({ event: 'hint', data: { jobId: id, seq: 1, status: 'queued' } });
      break;
    }
    reader.close();
  });

  it('a cancellation asked for at one is seen by the holder at the other', async () => {
    const { job, worker, lease } = await two.running();
    await one.post(`/api/queue/jobs/${job.id}/cancel`, { reason: 'stop' });
    const beat = await two.post(`/api/queue/jobs/${job.id}/heartbeat`, {}, worker, { 'proofhouse-lease': lease });
    expect(beat.json).toMatchObject({ status: 'running', cancelReason: 'stop' });
  });

  it('a lease that passes is ended once, though both look', async () => {
    const { job } = await one.running({}, 1);
    clock.advance(1000);
    await Promise.all([one.server.jobs.sweep(), two.server.jobs.sweep(), one.server.jobs.sweep()]);
    await expect.poll(async () => (await two.job(job.id)).status, { interval: 5 }).toBe('queued');
    const log = (await one.get(`/api/queue/jobs/${job.id}/events`)).json.items as { kind: string }[];
    expect(log.map((event) => event.kind)).toEqual(['queued', 'claimed', 'lease_expired', 'retry_scheduled']);
    expect((await one.job(job.id)).attempt).toBe(2);
  });

  it('a worker that claimed at one and beats at the other is seen at both', async () => {
    const { job, worker, lease } = await one.running({}, 3600);
    const lastSeen = async (t: TestServer): Promise<string | undefined> => {
      const items = (await t.get('/api/queue/workers?limit=200')).json.items as {
        workerId: string;
        lastSeenAt: string;
      }[];
      return items.find((seen) => seen.workerId === worker.id)?.lastSeenAt;
    };
    expect(await lastSeen(one)).toBeDefined();
    clock.advance(9 * 60_000);
    await two.post(`/api/queue/jobs/${job.id}/heartbeat`, { leaseSeconds: 3600 }, worker, {
      'proofhouse-lease': lease,
    });
    const beatAt = new Date(clock.now()).toISOString();
    expect([await lastSeen(two), await lastSeen(one)]).toEqual([beatAt, beatAt]);
  });
});

import { decideJob } from '@proofhouse/core';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../../../kernel/time/clock.ts';
import type { StoreTime } from '../../../../kernel/time/store-time.ts';
import { claimBy, key, newJob } from '../../../contract/records.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import type { MetadataStore } from '../../../metadata-store.ts';
import { runOn, migratedDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');
const hour = 3_600_000;

/**
 * Creates a database whose clock can be set. Its statements use a `clock_timestamp` function that shadows the built-in
 * one.
 */
async function databaseWithClock(serverUrl: string): Promise<TestDatabase & { set: (ms: number) => Promise<void> }> {
  const database = await migratedDatabase(serverUrl);
  const name = new URL(database.url).pathname.slice(1);
  await runOn(
    database.url,
    `create schema fake; create table fake.step (ms float8); insert into fake.step values (0);
      create function fake.clock_timestamp() returns timestamptz language sql volatile as
        'select pg_catalog.clock_timestamp() + ms * interval ''1 millisecond'' from fake.step';
      alter database ${name} set search_path = public, fake, pg_catalog`,
  );
  return {
    ...database,
    set: async (ms) => {
      await runOn(database.url, `update fake.step set ms = ${String(ms)}`);
    },
  };
}

describe.skipIf(server === undefined)('the time of verbs on Postgres', () => {
  let database: Awaited<ReturnType<typeof databaseWithClock>>;
  let store: MetadataStore;
  let jumps: number[];
  /** Offsets in ms that are added to the wall clock and to the monotonic clock of this process. */
  let off: { wall: number; monotonic: number };

  beforeEach(async () => {
    database = await databaseWithClock(server ?? '');
    jumps = [];
    off = { wall: 0, monotonic: 0 };
    store = await openMetadataStore(database.url, {
      clock: {
        ...systemClock,
        now: () => Date.now() + off.wall,
        monotonic: () => performance.now() + off.monotonic,
      },
      onClockJump: (ms) => jumps.push(ms),
    });
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  async function held(leaseMs: number, over: Partial<Parameters<typeof newJob>[0]> = {}) {
    const job = newJob({ maxAttempts: 1, createdAt: Date.now(), ...over });
    await store.jobs.enqueue(job);
    const claimed = await claim('w', leaseMs);
    if (claimed?.id !== job.id) throw new Error('another job was claimed');
    return claimed;
  }

  async function claim(workerId: string, leaseMs = 60_000) {
    const { now: _, ...request } = claimBy(workerId, { leaseMs });
    const claimed = await store.jobs.claim(request);
    return claimed.outcome === 'conflict' ? undefined : claimed.jobs[0];
  }

  const renew = (job: { id: string; leaseId: string | null }) => {
    const fence = { workerId: 'w', leaseId: job.leaseId ?? '' };
    return store.jobs.apply(job.id, (found, { now, leasesAt }) =>
      decideJob(found, { kind: 'renew', fence, leaseMs: 60_000 }, now, leasesAt),
    );
  };

  /**
   * Runs a transaction on the job. Returns the time that each run of the transaction received. There are two runs if
   * the first estimate of the time was wrong.
   */
  async function timesOfVerb(jobId: string): Promise<StoreTime[]> {
    const times: StoreTime[] = [];
    await store.jobs.apply(jobId, (job, time) => {
      times.push(time);
      return { outcome: 'unchanged', job };
    });
    return times;
  }

  it.each([
    ['the wall clock of this machine is an hour ahead', hour, 0],
    ['the wall clock of this machine is an hour behind', -hour, 0],
    ['the monotonic clock leaps ahead', 0, hour],
    ['the monotonic clock falls behind, as in a suspension', 0, -hour],
    ['both leap', hour, hour],
  ])("is the database's when %s", async (_what, wall, monotonic) => {
    const job = await held(60_000);
    off = { wall, monotonic };
    const before = Date.now();
    const times = await timesOfVerb(job.id);
    expect(times.at(-1)?.now).toBeGreaterThanOrEqual(before - 50);
    expect(times.at(-1)?.now).toBeLessThanOrEqual(Date.now());
    // The transaction before this one read the database's time. This one can use an estimate again, so it runs only
    // once.
    expect(await timesOfVerb(job.id)).toHaveLength(1);
    expect((await store.jobs.sweep(10)).ended).toEqual([]);
    expect(await renew(job)).toMatchObject({ outcome: 'changed' });
  });

  it('a verb whose steps nobody waits for is written once, at the right time, when the estimate was wrong', async () => {
    await held(60_000);
    off = { wall: 0, monotonic: hour };
    const job = newJob({ createdAt: Date.now() });
    expect(await store.jobs.enqueue(job, key({ key: 'once', expiresAt: Date.now() + hour }))).toMatchObject({
      outcome: 'added',
    });
    off.monotonic = 2 * hour;
    await store.settings.put('name', 'value');
    expect(await store.settings.get('name')).toBe('value');
    expect(await store.jobs.events(job.id, 0, 10)).toHaveLength(1);
  });

  it("a database clock that is set forward ends no lease, and a lost worker's lease ends in its time", async () => {
    const job = await held(60_000);
    const lost = await held(30_000);
    await database.set(hour);
    expect(await store.jobs.sweep(10)).toEqual({ ended: [], ready: [] });
    expect(await renew(job)).toMatchObject({ outcome: 'changed' });
    expect(await claim('another')).toBeUndefined();
    expect(jumps).toHaveLength(1);
    expect(Math.abs((jumps[0] ?? 0) - hour)).toBeLessThan(1000);
    const pass = async (ms: number) => {
      off.monotonic += ms;
      await database.set(hour + off.monotonic);
    };
    await pass(29_000);
    expect((await store.jobs.sweep(10)).ended).toEqual([]);
    await pass(2000);
    expect((await store.jobs.sweep(10)).ended.map(({ id }) => id)).toEqual([lost.id]);
    // Until now, leases were compared with a time without the jump, because leases from before the jump existed. The
    // last of them has ended. The lease of the other job was renewed after the jump, so it is now compared with the
    // database's time.
    await pass(31_000);
    expect((await store.jobs.sweep(10)).ended.map(({ id }) => id)).toEqual([job.id]);
    expect(jumps).toHaveLength(1);
  });

  it('a database clock that is set back ends no lease early and uses up no attempt', async () => {
    const job = await held(60_000);
    await database.set(-hour);
    expect(await store.jobs.sweep(10)).toEqual({ ended: [], ready: [] });
    expect(await renew(job)).toMatchObject({ outcome: 'changed' });
    expect(jumps).toHaveLength(1);
    const found = await store.jobs.find(job.id);
    expect(found).toMatchObject({ status: 'running', attempt: 1 });
    expect(found?.leaseExpiresAt).toBeLessThan(Date.now() - hour + 61_000);
  });
});

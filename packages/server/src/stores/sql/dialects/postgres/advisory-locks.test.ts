import type { JobRecord } from '@proofhouse/core';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { claimBy, newJob, start } from '../../../contract/records.ts';
import { enqueueAll } from '../../queue/job-enqueue.ts';
import { fixedTime } from '../../../../kernel/time/store-time.ts';
import { RouteCache } from '../../queue/route-cache.ts';
import { sweepJobs } from '../../queue/job-sweep.ts';
import type { QueueEngine } from '../../queue/queue-dialect.ts';
import { SqlMetadataStore } from '../../sql-metadata-store.ts';
import { rawStatement } from '../../testing/raw-statement.ts';
import { first, Undo } from '../../engine/verb.ts';
import { postgresQueueDialect } from './postgres-queue-dialect.ts';
import { openPostgresEngine } from './postgres-engine.ts';
import { runOn, migratedDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

const pause = rawStatement('select pg_sleep(0.3)');

describe.skipIf(server === undefined)('while a sweep makes due jobs ready and has not committed', () => {
  const now = start + 10;
  let database: TestDatabase;
  let engine: QueueEngine;
  let store: SqlMetadataStore;

  beforeEach(async () => {
    database = await migratedDatabase(server!);
    engine = await openPostgresEngine(database.url);
    store = new SqlMetadataStore(engine);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  /**
   * Starts a sweep that pauses after its last statement, before its transaction ends. Resolves when the pause begins,
   * to an object whose promise `ended` settles when the transaction has ended.
   */
  async function slowSweep(end: 'commit' | 'undo'): Promise<{ ended: Promise<unknown> }> {
    const swept = Promise.withResolvers<undefined>();
    const ended = engine.write(function* () {
      const passed = yield* sweepJobs(postgresQueueDialect, new RouteCache(), fixedTime(now), 100);
      swept.resolve(undefined);
      yield* first(pause, {});
      if (end === 'undo') throw new Undo(passed);
      return passed;
    });
    await swept.promise;
    return { ended };
  }

  const claim = async (over: Parameters<typeof claimBy>[1] = {}): Promise<(string | undefined)[]> => {
    const answer = await store.jobs.claim(claimBy('w', { now, ...over }));
    return (answer as { jobs: readonly JobRecord[] }).jobs.map((job) => job.id);
  };

  it.each(['commit', 'undo'] as const)('a claim finds them nevertheless (%s)', async (end) => {
    const jobs = [newJob({ nextAttemptAt: start + 1 }), newJob({ nextAttemptAt: start + 2 })];
    for (const job of jobs) await store.jobs.enqueue(job);
    const { ended } = await slowSweep(end);
    const claims = await Promise.all([claim(), claim()]);
    expect(claims.flat().toSorted()).toEqual(jobs.map((job) => job.id));
    await ended;
  });

  it('a claim that finds another job waits for nobody', async () => {
    const [due, ready] = [newJob({ nextAttemptAt: start + 1 }), newJob()];
    for (const job of [due, ready]) await store.jobs.enqueue(job);
    const { ended } = await slowSweep('commit');
    let isOver = false;
    void ended.then(() => (isOver = true));
    expect(await claim()).toEqual([ready.id]);
    expect(isOver).toBe(false);
    expect(await claim({ leaseIds: ['a', 'b'] })).toEqual([due.id]);
    await ended;
  });
});

describe.skipIf(server === undefined)('while a route is written and not committed', () => {
  it('later ones wait, so that whoever knows the newest knows all before it', async () => {
    const database = await migratedDatabase(server!);
    const engine = await openPostgresEngine(database.url);
    const store = new SqlMetadataStore(engine);
    const early = newJob({ repository: 'org/first' });
    const written = Promise.withResolvers<undefined>();
    const slow = engine.write(function* () {
      yield* enqueueAll(postgresQueueDialect, new RouteCache(), [{ job: early }]);
      written.resolve(undefined);
      yield* first(pause, {});
    });
    await written.promise;
    const second = newJob({ repository: 'org/second' });
    const later = store.jobs.enqueue(second);
    const claim = async () => {
      const { jobs } = (await store.jobs.claim(claimBy('w'))) as { jobs: readonly JobRecord[] };
      return jobs[0]?.id;
    };
    expect(await claim()).toBeUndefined();
    await Promise.all([slow, later]);
    expect(await claim()).toBe(early.id);
    expect(await claim()).toBe(second.id);
    const numbered = await runOn(database.url, 'select repository, number::int from job_routes order by number');
    expect(numbered.rows).toEqual([
      { repository: 'org/first', number: 1 },
      { repository: 'org/second', number: 2 },
    ]);
    await store.close();
    await database.drop();
  });
});

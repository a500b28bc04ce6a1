import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { fixedTime } from '../../../kernel/time/store-time.ts';
import { routeOf } from '../../../jobs/job-route.ts';
import { claimBy, claimIds, newJob, start } from '../../contract/records.ts';
import { openPostgresEngine } from '../dialects/postgres/postgres-engine.ts';
import { migratedDatabase } from '../dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import type { DueCheck } from './due-times.ts';
import type { QueueEngine } from './queue-dialect.ts';
import { SqlMetadataStore } from '../sql-metadata-store.ts';
import { rawStatement } from '../testing/raw-statement.ts';
import { watchSteps } from '../testing/watch-steps.ts';
import { first } from '../engine/verb.ts';

/**
 * Wraps an engine. Adds one number to `waits` for each transaction, in order: the number of statements whose result the
 * transaction awaited.
 */
function counting(engine: QueueEngine, waits: number[]): QueueEngine {
  return watchSteps(engine, () => {
    const index = waits.push(0) - 1;
    return ({ unanswered }) => {
      if (!unanswered) waits[index] = (waits[index] ?? 0) + 1;
    };
  });
}

const server = inject('postgresUrl');

interface Opened {
  readonly engine: QueueEngine;
  readonly drop: () => Promise<void>;
}

const onSqlite = async (): Promise<Opened> => ({
  engine: await openSqliteEngine(':memory:'),
  drop: () => Promise.resolve(),
});

const onPostgres = async (): Promise<Opened> => {
  const { url, drop } = await migratedDatabase(server!);
  return { engine: await openPostgresEngine(url), drop };
};

/** `answers` is the number of awaited results of one claim. Over a network, each of them is a round trip. */
const engines = [
  { name: 'SQLite', open: onSqlite, answers: 2 },
  ...(server === undefined ? [] : [{ name: 'Postgres', open: onPostgres, answers: 1 }]),
];

describe.each(engines)('a claim on $name', ({ open, answers }) => {
  let engine: QueueEngine;
  let drop: () => Promise<void>;
  let store: SqlMetadataStore;
  let other: SqlMetadataStore;
  let waits: number[];

  beforeEach(async () => {
    waits = [];
    ({ engine, drop } = await open());
    store = new SqlMetadataStore(counting(engine, waits));
    // Stands for a second server. The caches of the first server do not contain what this one writes.
    other = new SqlMetadataStore(engine);
    await store.jobs.enqueue(newJob(), undefined);
    await claimIds(store, 'first');
  });
  afterEach(async () => {
    await store.close();
    await drop();
  });

  const enqueue = async (over: Parameters<typeof newJob>[0] = {}): Promise<string> => {
    const job = newJob(over);
    await other.jobs.enqueue(job, undefined);
    waits.length = 0;
    return job.id;
  };

  it('asks once when nothing is new and nothing due', async () => {
    const id = await enqueue();
    expect(await claimIds(store, 'w')).toEqual([id]);
    expect(waits).toEqual([answers]);
  });

  it('asks once when there is nothing for it', async () => {
    waits.length = 0;
    expect(await claimIds(store, 'w')).toEqual([]);
    expect(waits).toEqual([answers]);
  });

  it('gives the job of a route that another server wrote before one that it knew', async () => {
    const known = await enqueue();
    const fresh = await enqueue({ priority: 9, repository: 'org/new' });
    expect(await claimIds(store, 'w')).toEqual([fresh]);
    expect(await claimIds(store, 'w')).toEqual([known]);
  });

  it('gives the due job before what was ready, and ends the lease that passed', async () => {
    const ready = await enqueue();
    const due = await enqueue({ priority: 9, nextAttemptAt: start + 5 });
    const now = start + 70_000;
    const claimed = await store.jobs.claim(claimBy('w', { leaseIds: ['a', 'b', 'c'], now }));
    expect(claimed).toMatchObject({
      jobs: [{ id: due }, { id: ready }],
      passed: { ended: [{ status: 'queued', attempt: 2 }] },
    });
  });
});

describe.skipIf(server === undefined)('due times and candidates of one route on Postgres', () => {
  it('are locked unless something is due', async () => {
    const { engine, drop } = await onPostgres();
    const [store, other] = [new SqlMetadataStore(engine), new SqlMetadataStore(engine)];
    const enqueue = async (over: Parameters<typeof newJob>[0] = {}): Promise<string> => {
      const job = newJob(over);
      await store.jobs.enqueue(job, undefined);
      return job.id;
    };
    await enqueue();
    await claimIds(store, 'first');
    const id = await enqueue();
    const claimedMeanwhile = async (check: DueCheck) => {
      const looked = Promise.withResolvers<undefined>();
      const looking = engine.write(function* () {
        const ids = new Set([routeOf(newJob()).id]);
        const { candidates } = yield* engine.dialect.dueTimesAndCandidates({ ids, name: '' }, 1, check);
        looked.resolve(undefined);
        yield* first(pause, {});
        return candidates?.map((row) => row.id);
      });
      await looked.promise;
      const claimed = await claimIds(other, 'v');
      return { candidates: await looking, claimed };
    };
    const now = start;
    expect(await claimedMeanwhile({ lastRoute: 1, ...fixedTime(now) })).toEqual({ candidates: [id], claimed: [] });
    // One minute later the lease of the first claim has expired, so something is due, and no candidates are locked.
    expect(await claimedMeanwhile({ lastRoute: 1, ...fixedTime(now + 60_000) })).toEqual({
      candidates: undefined,
      claimed: [id],
    });
    const next = await enqueue();
    expect(await claimedMeanwhile({ lastRoute: 0, ...fixedTime(now) })).toEqual({
      candidates: undefined,
      claimed: [next],
    });
    await enqueue({ priority: 9, nextAttemptAt: start + 5 });
    const last = await enqueue();
    expect(await claimedMeanwhile({ lastRoute: 1, ...fixedTime(now + 5) })).toEqual({
      candidates: undefined,
      claimed: [last],
    });
    await store.close();
    await drop();
  });
});

const pause = rawStatement('select pg_sleep(0.3)');

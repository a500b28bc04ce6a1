// Tests that the cleaner deletes routes without unfinished jobs, and that an unfinished job always has the row of its
// route.
import { decideJob, type JobCommand, type JobRecord } from '@proofhouse/core';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { routeOf as routeOfJob } from '../../../jobs/job-route.ts';
import { claimBy, commitOf, newJob, start } from '../../contract/records.ts';
import { openPostgresEngine } from '../dialects/postgres/postgres-engine.ts';
import { migratedDatabase, runOn } from '../dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import { first, rows, type WriteFactory } from '../engine/verb.ts';
import { SqlMetadataStore } from '../sql-metadata-store.ts';
import { rawStatement } from '../testing/raw-statement.ts';
import { watchSteps } from '../testing/watch-steps.ts';
import { SqlJobStore } from './jobs.ts';
import type { QueueEngine } from './queue-dialect.ts';
import { RouteCache } from './route-cache.ts';
import { closeRoutes, RouteCleaner, searchUnusedRoutes } from './route-cleaning.ts';

const hour = 60 * 60 * 1000;

interface RouteInTable {
  readonly repository: string | null;
  readonly number: number;
  readonly idle_since: number | null;
}

const allRoutes = rawStatement<RouteInTable>(
  'select repository, number, idle_since from job_routes order by repository',
);

const jobsWithoutRoute = rawStatement<{ id: string }>(
  `select id from jobs where status in ('queued', 'running')
    and not exists (select 1 from job_routes where job_routes.id = jobs.route_id)`,
);

/** The parts of a server that these tests use. Two servers share a database, but each has a cache of its own. */
interface Server {
  readonly jobs: SqlJobStore;
  readonly cache: RouteCache;
  readonly cleaner: RouteCleaner;
}

function serverOn(engine: QueueEngine): Server {
  const cache = new RouteCache();
  return { jobs: new SqlJobStore(engine, cache), cache, cleaner: new RouteCleaner(engine, cache) };
}

/** Wraps an engine. After each scan it calls `after` and waits for it, before it returns the result of the scan. */
function afterScans(engine: QueueEngine, after: () => Promise<unknown>): QueueEngine {
  return {
    ...watchSteps(engine, () => () => undefined),
    scan: async (verb) => {
      const result = await engine.scan(verb);
      await after();
      return result;
    },
  };
}

interface Opened {
  readonly engine: QueueEngine;
  readonly url: string;
  readonly drop: () => Promise<void>;
}

const onSqlite = async (): Promise<Opened> => ({
  engine: await openSqliteEngine(':memory:'),
  url: '',
  drop: () => Promise.resolve(),
});

const postgres = inject('postgresUrl');

const onPostgres = async (): Promise<Opened> => {
  const { url, drop } = await migratedDatabase(postgres!);
  return { engine: await openPostgresEngine(url), url, drop };
};

const engines = [
  { name: 'SQLite', open: onSqlite },
  ...(postgres === undefined ? [] : [{ name: 'Postgres', open: onPostgres }]),
];

let opened: Opened;
let engine: QueueEngine;
let server: Server;
let other: Server;
let now: number;

async function begin(open: () => Promise<Opened>): Promise<void> {
  opened = await open();
  ({ engine } = opened);
  [server, other, now] = [serverOn(engine), serverOn(engine), start];
  // The cleaner never deletes the route with the largest number. This job adds such a route.
  await enqueue(server, 'org/first');
}

async function end(): Promise<void> {
  const orphans = await engine.read(() => rows(jobsWithoutRoute, {}));
  await engine.close();
  await opened.drop();
  expect(orphans).toEqual([]);
}

async function enqueue({ jobs }: Pick<Server, 'jobs'>, repository: string): Promise<string> {
  const job = newJob({ repository, createdAt: now });
  expect(await jobs.enqueue(job)).toMatchObject({ outcome: 'added' });
  return job.id;
}

/** Adds a route with the largest number, so that the cleaner can delete all older routes. */
const enqueueLast = () => enqueue(server, `org/last-${now}`);

async function claim({ jobs }: Server, repository: string): Promise<string[]> {
  const claimed = await jobs.claim(claimBy('w', { repositories: [repository], leaseIds: ['l'], leaseMs: 1e12, now }));
  return (claimed as { jobs: readonly JobRecord[] }).jobs.map(({ id }) => id);
}

async function act({ jobs }: Server, jobId: string, command: JobCommand): Promise<void> {
  const decision = await jobs.apply(jobId, (job) => decideJob(job, command, now), { now });
  expect(decision).toMatchObject({ outcome: 'changed' });
}

const cancel = (on: Server, jobId: string) => act(on, jobId, { kind: 'cancel', actor: 'admin', reason: null });
const retry = (on: Server, jobId: string) => act(on, jobId, { kind: 'retry', actor: 'admin' });

async function fail(on: Server, jobId: string): Promise<void> {
  const fence = { workerId: 'w', leaseId: 'l' };
  await act(on, jobId, { kind: 'fail', fence, errorMessage: 'no', retryable: false });
}

/** Runs the cleaner of a server once, an hour later than the last time. */
async function clean({ cleaner }: Pick<Server, 'cleaner'>): Promise<void> {
  now += hour;
  while ((await cleaner.clean(now, 2)) > 0);
}

/** Runs the cleaner until no route is left that it can delete. */
async function cleanAll(on: Server = server): Promise<void> {
  for (let times = 0; times < 3; times++) await clean(on);
}

const jobRoute = (repository: string) => routeOfJob(newJob({ repository })).id;

const routes = () => engine.read(() => rows(allRoutes, {}));

async function routeOf(repository: string): Promise<RouteInTable | undefined> {
  return (await routes()).find((route) => route.repository === repository);
}

describe.each(engines)('routes without unfinished jobs on $name', ({ open }) => {
  beforeEach(() => begin(open));
  afterEach(end);

  it('are marked by the first cleaning and deleted an hour later', async () => {
    const id = await enqueue(server, 'org/a');
    const last = await enqueueLast();
    await cancel(server, id);
    await clean(server);
    expect(await routeOf('org/a')).toMatchObject({ idle_since: now });
    now += hour - 1;
    while ((await server.cleaner.clean(now, 2)) > 0);
    expect(await routeOf('org/a')).toBeDefined();
    await clean(server);
    expect(await routeOf('org/a')).toBeUndefined();
    expect((await routes()).map(({ repository }) => repository)).toEqual(['org/first', expect.stringMatching(/last/)]);
    expect(await claim(server, 'org/a')).toEqual([]);
    await cancel(server, last);
  });

  it('stay while a job is ready, running or delayed', async () => {
    await enqueue(server, 'org/ready');
    const running = await enqueue(server, 'org/running');
    expect(await claim(server, 'org/running')).toEqual([running]);
    const delayed = newJob({ repository: 'org/delayed', nextAttemptAt: start + 1e12 });
    await server.jobs.enqueue(delayed);
    await enqueueLast();
    await cleanAll();
    expect(await routes()).toMatchObject(
      ['org/delayed', 'org/first', expect.stringMatching(/last/), 'org/ready', 'org/running'].map((repository) => ({
        repository,
        idle_since: null,
      })),
    );
  });

  it('stay if they have the largest number, which must not be assigned again', async () => {
    const id = await enqueue(server, 'org/a');
    const { number = 0 } = (await routeOf('org/a')) ?? {};
    await cancel(server, id);
    await cleanAll();
    expect(await routeOf('org/a')).toMatchObject({ number });
    await enqueue(server, 'org/b');
    expect(await routeOf('org/b')).toMatchObject({ number: number + 1 });
  });

  it.each(['this server', 'another server'])('can be used again after they were deleted by %s', async (by) => {
    const cleaning = by === 'this server' ? server : other;
    await cancel(server, await enqueue(server, 'org/a'));
    await enqueueLast();
    expect(await claim(other, 'org/a')).toEqual([]);
    await cleanAll(cleaning);
    expect(await routeOf('org/a')).toBeUndefined();
    const id = await enqueue(server, 'org/a');
    expect(await claim(other, 'org/a')).toEqual([id]);
    const next = await enqueue(server, 'org/a');
    expect(await claim(server, 'org/a')).toEqual([next]);
  });

  it('can be used again when they are only marked, and then have a new number', async () => {
    await cancel(server, await enqueue(server, 'org/a'));
    await enqueueLast();
    const before = await routeOf('org/a');
    await clean(other);
    const id = await enqueue(server, 'org/a');
    const after = await routeOf('org/a');
    expect(after).toMatchObject({ idle_since: null });
    expect(after?.number).toBeGreaterThan(before!.number);
    await cleanAll(other);
    expect(await claim(other, 'org/a')).toEqual([id]);
  });

  it('are opened for a job of a commit and for a batch of jobs', async () => {
    const store = new SqlMetadataStore(engine);
    for (const repository of ['org/a', 'org/b']) await cancel(server, await enqueue(store, repository));
    await enqueueLast();
    await cleanAll();
    expect(await routes()).toHaveLength(2);
    const jobs = ['org/a', 'org/b', 'org/b'].map((repository) => newJob({ repository }));
    expect(await store.commit(commitOf([{ kind: 'add-job', job: jobs[0]! }]))).toMatchObject({ outcome: 'done' });
    await store.jobs.enqueueAll(jobs.slice(1).map((job) => ({ job, idempotency: undefined })));
    expect(await claim(server, 'org/a')).toEqual([jobs[0]!.id]);
    expect(await claim(server, 'org/b')).toEqual([jobs[1]!.id]);
  });

  it('are opened when a failed job is retried', async () => {
    const id = await enqueue(server, 'org/a');
    await claim(server, 'org/a');
    await fail(server, id);
    await enqueueLast();
    await cleanAll(other);
    expect(await routeOf('org/a')).toBeUndefined();
    await retry(server, id);
    expect(await routeOf('org/a')).toMatchObject({ idle_since: null });
    await cleanAll();
    await cleanAll(other);
    expect(await claim(other, 'org/a')).toEqual([id]);
  });

  it('stay if a job is added after the search, before the mark is written', async () => {
    await cancel(server, await enqueue(server, 'org/a'));
    await enqueueLast();
    let id = '';
    const cleaning = serverOn(afterScans(engine, async () => (id = await enqueue(server, 'org/a'))));
    await clean(cleaning);
    expect(await routeOf('org/a')).toMatchObject({ idle_since: now });
    await cleanAll();
    await cleanAll(other);
    expect(await claim(other, 'org/a')).toEqual([id]);
  });

  it.each(['a job is added', 'a failed job is retried'])(
    'stay if %s after the search, before the delete',
    async (what) => {
      const failed = await enqueue(server, 'org/a');
      await claim(server, 'org/a');
      await fail(server, failed);
      await enqueueLast();
      await clean(server);
      expect(await routeOf('org/a')).toMatchObject({ idle_since: now });
      let id = failed;
      const use = async (): Promise<void> => {
        if (what === 'a job is added') id = await enqueue(other, 'org/a');
        else await retry(other, failed);
      };
      await clean(serverOn(afterScans(engine, use)));
      expect(await routeOf('org/a')).toMatchObject({ idle_since: null });
      expect(await claim(server, 'org/a')).toEqual([id]);
    },
  );

  it('stay if they were opened and marked again since the search, also at the same time of a clock', async () => {
    await cancel(server, await enqueue(server, 'org/a'));
    await enqueueLast();
    await clean(server);
    const found = await engine.scan(searchUnusedRoutes);
    const id = await enqueue(server, 'org/a');
    // Simulates another server whose clock was set back to this time. It searched for unused routes before the job was
    // added, and now marks the route of the job as idle.
    const open = (await engine.scan(searchUnusedRoutes)).all.filter((route) => route.id === jobRoute('org/a'));
    expect(await engine.write(() => closeRoutes(engine.dialect, open, now))).toEqual([jobRoute('org/a')]);
    expect(await routeOf('org/a')).toMatchObject({ idle_since: now });
    await engine.write(() => closeRoutes(engine.dialect, found.unused, now));
    expect(await claim(server, 'org/a')).toEqual([id]);
  });

  it('do not fill the cache of a server, whichever server deletes them', async () => {
    for (let round = 0; round < 12; round++) {
      const ids = await Promise.all(Array.from({ length: 30 }, (_, n) => enqueue(server, `org/${round}-${n}`)));
      for (const on of [server, other]) await claim(on, 'org/none');
      await Promise.all(ids.map((id) => cancel(server, id)));
      for (const on of [server, other]) await clean(on);
    }
    await enqueueLast();
    await cleanAll();
    await clean(other);
    expect(await routes()).toHaveLength(2);
    for (const { cache } of [server, other]) expect(cache.list.routes.length).toBeLessThanOrEqual(2);
  });

  it('never cost a job its route, whatever happens at the same time', async () => {
    const added = new Set<string>();
    const claimed: string[] = [];
    for (let round = 0; round < 40; round++) {
      const [one, two] = round % 2 === 0 ? [server, other] : [other, server];
      const repository = `org/${round % 3}`;
      const [id, next] = await Promise.all([
        enqueue(one, repository),
        enqueue(two, `org/${(round + 1) % 3}`),
        clean(two),
        claim(two, repository).then(async (ids) => {
          claimed.push(...ids);
          for (const jobId of ids) await fail(two, jobId);
        }),
        clean(one),
      ]);
      added.add(id).add(next);
      expect(await engine.read(() => rows(jobsWithoutRoute, {}))).toEqual([]);
      if (round % 4 === 3)
        for (const name of ['org/0', 'org/1', 'org/2']) claimed.push(...(await claimRest(one, name)));
    }
    for (const name of ['org/0', 'org/1', 'org/2']) claimed.push(...(await claimRest(server, name)));
    expect(claimed.toSorted()).toEqual([...added].toSorted());
  });

  async function claimRest(on: Server, repository: string): Promise<string[]> {
    const all: string[] = [];
    for (let ids = await claim(on, repository); ids.length > 0; ids = await claim(on, repository)) {
      for (const id of ids) await fail(on, id);
      all.push(...ids);
    }
    return all;
  }
});

describe.skipIf(postgres === undefined)('a route that is used and cleaned at the same time on Postgres', () => {
  /**
   * Key of an advisory lock that pauses transactions. While a test holds the lock, the transactions of `gated` wait
   * before they commit.
   */
  const gate = 4711;
  const throughGate = rawStatement(`select pg_advisory_xact_lock(${gate})`);
  let holder: pg.Client;
  let isHeld: boolean;
  let reached: PromiseWithResolvers<undefined>;

  beforeEach(async () => {
    await begin(onPostgres);
    holder = new pg.Client({ connectionString: opened.url });
    await holder.connect();
    isHeld = false;
  });
  afterEach(async () => {
    await holder.end();
    await end();
  });

  /**
   * Wraps the engine. While a test holds the lock `gate`, each transaction waits after its last statement, before its
   * commit.
   */
  function gated(): QueueEngine {
    const waiting = <Result>(verb: WriteFactory<Result>): WriteFactory<Result> =>
      function* (time) {
        const result = yield* verb(time);
        if (isHeld) {
          reached.resolve(undefined);
          yield* first(throughGate, {});
        }
        return result;
      };
    return { ...watchSteps(engine, () => () => undefined), write: (verb) => engine.write(waiting(verb)) };
  }

  async function closeGate(): Promise<void> {
    await holder.query(`select pg_advisory_lock(${gate})`);
    reached = Promise.withResolvers();
    isHeld = true;
  }

  async function openGate(): Promise<void> {
    isHeld = false;
    await holder.query(`select pg_advisory_unlock(${gate})`);
  }

  it('is not marked before the transaction of a new job ends', async () => {
    const slow = serverOn(gated());
    await cancel(server, await enqueue(slow, 'org/a'));
    await enqueueLast();
    await closeGate();
    const adding = enqueue(slow, 'org/a');
    await reached.promise;
    await clean(server);
    expect(await routeOf('org/a')).toMatchObject({ idle_since: null });
    await openGate();
    const id = await adding;
    await cleanAll();
    expect(await claim(other, 'org/a')).toEqual([id]);
  });

  it.each(['marked', 'deleted'])('is opened for a job that waits while the route is %s', async (state) => {
    await cancel(server, await enqueue(server, 'org/a'));
    await enqueueLast();
    const cleaning = serverOn(gated());
    if (state === 'deleted') await clean(cleaning);
    const before = await routeOf('org/a');
    await closeGate();
    const cleaned = clean(cleaning);
    await reached.promise;
    const adding = enqueue(server, 'org/a');
    const waiting = `select 1 from pg_locks where not granted and database = (select oid from pg_database
      where datname = current_database()) or not granted and locktype = 'transactionid'`;
    await expect.poll(async () => (await runOn(opened.url, waiting)).rowCount).toBeGreaterThan(1);
    await openGate();
    await cleaned;
    const id = await adding;
    const after = await routeOf('org/a');
    expect(after).toMatchObject({ idle_since: null });
    expect(after?.number).toBeGreaterThan(before!.number);
    expect(await claim(other, 'org/a')).toEqual([id]);
  });
});

import { systemClock } from '../../../../kernel/time/clock.ts';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { statement } from '../../engine/statement.ts';
import { rawStatement } from '../../testing/raw-statement.ts';
import { watchSteps } from '../../testing/watch-steps.ts';
import { first, put, Undo, type Verb } from '../../engine/verb.ts';
import type { QueueEngine } from '../../queue/queue-dialect.ts';
import { SqlMetadataStore } from '../../sql-metadata-store.ts';
import { claimIds, newJob } from '../../../contract/records.ts';
import { openPostgresEngine } from './postgres-engine.ts';
import { TestNetwork } from './testing/test-network.ts';
import { runOn, emptyDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

const insert = statement<{ name: string }>()((db, p) => db.insertInto('settings').values({ name: p.name, value: 'v' }));
const find = statement<{ name: string }>()((db, p) => db.selectFrom('settings').selectAll().where('name', '=', p.name));
const lock = statement<{ name: string }>()((db, p, syntax) =>
  syntax.locked(db.selectFrom('settings').selectAll().where('name', '=', p.name), 'wait'),
);

describe.skipIf(server === undefined)('the Postgres engine', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await emptyDatabase(server!);
  });
  afterEach(() => database.drop());

  it('brings an empty database up when four servers start at once', async () => {
    const stores = await Promise.all([1, 2, 3, 4].map(() => openMetadataStore(database.url)));
    await Promise.all(stores.map((store, i) => store.settings.put(`${i}`, 'x')));
    expect(await stores[0]!.settings.get('3')).toBe('x');
    for (const store of stores) await store.close();
  });

  it('refuses a database that a newer version updated', async () => {
    await (await openMetadataStore(database.url)).close();
    await runOn(database.url, "insert into kysely_migration values ('9999-later', '2030')");
    await expect(openMetadataStore(database.url)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('was updated by a newer Proofhouse ("9999-later"): start that version'),
    });
  });

  it('says that a database does not exist', async () => {
    const url = database.url.replace(/\w+$/, 'absent');
    const message = expect.stringMatching(/absent does not exist; create it first/);
    await expect(openMetadataStore(url)).rejects.toMatchObject({ code: 'unavailable', message });
  });

  it('runs a verb again after a deadlock', async () => {
    const engine = await openPostgresEngine(database.url);
    for (const name of ['a', 'b']) await engine.write(() => put(insert, { name }));
    const runs = { ab: 0, ba: 0 };
    const both = (order: 'ab' | 'ba') =>
      engine.write(function* () {
        runs[order] += 1;
        const locked = [];
        for (const name of order) {
          locked.push(yield* first(lock, { name }));
          // Gives the other transaction time to lock its first row.
          yield* first(pause, {});
        }
        return locked.length;
      });
    expect(await Promise.all([both('ab'), both('ba')])).toEqual([2, 2]);
    expect(runs.ab + runs.ba).toBeGreaterThan(2);
    await engine.close();
  });

  it('plans transactions and look-ups with its settings, lists and scans with those of the server', async () => {
    const engine = await openPostgresEngine(database.url);
    expect(await engine.write(bitmapScans)).toBe('off');
    expect(await engine.look(bitmapScans)).toBe('off');
    expect(await engine.read(bitmapScans)).toBe('on');
    expect(await engine.scan(bitmapScans)).toBe('on');
    await engine.close();
  });

  it('runs the statements of the queue with its planner settings, and lists of records without', async () => {
    const seen = new Set<string>();
    const engine = await openPostgresEngine(database.url);
    const store = new SqlMetadataStore(askingFirst(engine, (method, setting) => seen.add(`${method}: ${setting}`)));
    await store.jobs.enqueue(newJob(), undefined);
    const [jobId = ''] = await claimIds(store, 'w');
    await store.jobs.apply(jobId, (job) => ({ outcome: 'unchanged', job }));
    await store.jobs.sweep(10);
    expect([...seen]).toEqual(['write: off']);
    seen.clear();
    const page = { limit: 10, after: undefined };
    await store.artifacts.list({}, page);
    await store.workers.listWorkers({ experimentId: 'e' }, page);
    await store.jobs.list({}, page);
    expect([...seen]).toEqual(['read: on']);
    await engine.close();
  });

  it('fails a verb whose unanswered step failed, keeps nothing of it, and goes on', async () => {
    const engine = await openPostgresEngine(database.url, { maxConnections: 1 });
    const twice = engine.write(function* () {
      yield* put(insert, { name: 'a' });
      yield* put(insert, { name: 'a' });
      return 'done';
    });
    await expect(twice).rejects.toMatchObject({ code: 'internal', cause: { code: '23505' } });
    const undone = engine.write(function* () {
      yield* put(insert, { name: 'a' });
      throw new Undo('undone');
    });
    expect(await undone).toBe('undone');
    expect(await engine.read(() => first(find, { name: 'a' }))).toBeUndefined();
    await engine.close();
  });

  it('clears away the dead rows of claims, and rests twenty times as long as that took', async () => {
    let time = 0;
    let workMs = 0;
    const clock = { ...systemClock, monotonic: () => (time += workMs) };
    const engine = await openPostgresEngine(database.url, { clock });
    await runOn(
      database.url,
      'insert into jobs select (jsonb_populate_record(null::jobs, row)).* from (select ' +
        jobJson +
        ' as row from generate_series(1, 1500) as n) as made',
    );
    await runOn(database.url, 'alter table jobs set (autovacuum_enabled = off); update jobs set ready = 0');
    const dead = async () => {
      const answer = await runOn(
        database.url,
        "select n_dead_tup::int as dead from pg_stat_all_tables where relid = 'jobs'::regclass",
      );
      return (answer.rows as { dead: number }[])[0]?.dead;
    };
    await expect.poll(dead).toBe(1500);
    await engine.tidy();
    await expect.poll(dead).toBe(0);
    await runOn(database.url, 'update jobs set ready = 1; update jobs set ready = 0');
    await expect.poll(dead).toBe(3000);
    workMs = 100;
    await engine.tidy();
    await expect.poll(dead).toBe(0);
    const endedAt = time;
    workMs = 0;
    await runOn(database.url, 'update jobs set ready = 1');
    await expect.poll(dead).toBe(1500);
    time = endedAt + 1999;
    await engine.tidy();
    expect(await dead()).toBe(1500);
    time = endedAt + 2000;
    await engine.tidy();
    await expect.poll(dead).toBe(0);
    await engine.close();
  });

  it('gives up connections that fall silent, and goes on with new ones', async () => {
    const network = await TestNetwork.before(database.url);
    const engine = await openPostgresEngine(network.url, { maxConnections: 1, silentMs: 500 });
    await engine.write(() => put(insert, { name: 'a' }));
    network.fallSilent();
    const unanswered = engine.write(() => put(insert, { name: 'b' }));
    const behindIt = engine.write(() => first(find, { name: 'a' }));
    await expect(unanswered).rejects.toMatchObject({ code: 'unavailable' });
    expect(await behindIt).toMatchObject({ name: 'a' });
    await engine.write(() => put(insert, { name: 'c' }));
    await engine.close();
    await network.close();
  });

  it('a lost connection is unavailable once, and replaced', async () => {
    const engine = await openPostgresEngine(database.url, { maxConnections: 1 });
    const killed = engine.write(function* () {
      yield* put(insert, { name: 'a' });
      yield* first(suicide, {});
    });
    await expect(killed).rejects.toMatchObject({ code: 'unavailable' });
    expect(await engine.read(() => first(find, { name: 'a' }))).toBeUndefined();
    await engine.close();
  });
});

const jobJson = `jsonb_build_object('id', n::text, 'type', 't', 'category', 'work', 'status', 'queued', 'ready', 1, 'route_id', 'r',
  'priority', 0, 'required_capabilities', '[]', 'created_by', 'x', 'attempt', 1, 'max_attempts', 1, 'created_at', n, 'updated_at', n,
  'last_seq', 0, 'version', 1, 'payload', '{}')`;

const showBitmapScans = rawStatement<{ enable_bitmapscan: string }>('show enable_bitmapscan');

function* bitmapScans(): Verb<string | undefined> {
  return (yield* first(showBitmapScans, {}))?.enable_bitmapscan;
}

/** Wraps an engine: each verb first reads the setting `enable_bitmapscan` and passes it to `note`. */
function askingFirst(engine: QueueEngine, note: (method: string, setting: string | undefined) => void): QueueEngine {
  const asking = <Args extends unknown[], Result>(method: string, verb: (...args: Args) => Verb<Result>) =>
    function* (...args: Args): Verb<Result> {
      note(method, yield* bitmapScans());
      return yield* verb(...args);
    };
  return {
    ...watchSteps(engine, () => () => undefined),
    read: (verb) => engine.read(asking('read', verb)),
    look: (verb) => engine.look(asking('look', verb)),
    scan: (verb) => engine.scan(asking('scan', verb)),
    write: (verb) => engine.write(asking('write', verb)),
  };
}

const pause = rawStatement('select pg_sleep(0.2)');

const suicide = rawStatement('select pg_terminate_backend(pg_backend_pid())');

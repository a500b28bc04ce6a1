import type { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../../../kernel/time/clock.ts';
import { rawStatement } from '../../testing/raw-statement.ts';
import { first, type Verb } from '../../engine/verb.ts';
import type { QueueEngine } from '../../queue/queue-dialect.ts';
import { openPostgresEngine } from './postgres-engine.ts';
import { TestNetwork } from './testing/test-network.ts';
import { SharedConnection } from './shared-connection.ts';
import { migratedDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

const short = rawStatement<{ pid: number }>('select pg_backend_pid() as pid');
const long = rawStatement<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.3)');
const nowhere = rawStatement('select * from nowhere');
const nonsense = rawStatement('select 1 / 0');
const suicide = rawStatement('select pg_terminate_backend(pg_backend_pid())');

function* pid(): Verb<number | undefined> {
  return (yield* first(short, {}))?.pid;
}

function* slowPid(): Verb<number | undefined> {
  return (yield* first(long, {}))?.pid;
}

describe.skipIf(server === undefined)('look-ups of the same time', () => {
  let database: TestDatabase;
  let engine: QueueEngine;
  let time: number;

  beforeEach(async () => {
    database = await migratedDatabase(server!);
    time = 0;
    engine = await openPostgresEngine(database.url, {
      maxConnections: 4,
      clock: { ...systemClock, monotonic: () => time },
    });
  });
  afterEach(async () => {
    await engine.close();
    await database.drop();
  });

  const all = <Result>(verbs: readonly (() => Verb<Result>)[], on = engine) =>
    Promise.allSettled(verbs.map((verb) => on.look(verb)));
  const settled = (answers: readonly PromiseSettledResult<unknown>[]) =>
    answers.map((answer) => (answer.status === 'fulfilled' ? 'found' : (answer.reason as { code: string }).code));

  it('share a connection, which is given back after the last of them', async () => {
    const pids = await Promise.all([pid, pid, pid].map((verb) => engine.look(verb)));
    expect(new Set(pids).size).toBe(1);
    expect(new Set(await Promise.all([slowPid, slowPid].map((verb) => engine.read(verb)))).size).toBe(2);
    expect(await Promise.all([1, 2, 3, 4].map(() => engine.write(slowPid)))).toContain(pids[0]);
  });

  it('fail alone when the statement is wrong, and leave the connection to nobody', async () => {
    const before = await engine.look(pid);
    const wrong = () => first(nonsense, {});
    expect(settled(await all<unknown>([pid, wrong, pid]))).toEqual(['found', 'internal', 'found']);
    expect(await engine.look(pid)).not.toBe(before);
  });

  it('fail as the statement does, also those that would have used what another prepared', async () => {
    const absent = () => first(nowhere, {});
    const answers = await all([absent, absent, absent]);
    expect(answers.map((answer) => answer.status === 'rejected' && (answer.reason as Error).cause)).toMatchObject(
      Array.from({ length: 3 }, () => ({ code: '42P01' })),
    );
  });

  it('are all unavailable when the connection is lost, once', async () => {
    const killed = () => first(suicide, {});
    expect(settled(await all<unknown>([pid, killed, pid]))).toEqual(['found', 'unavailable', 'unavailable']);
    expect(settled(await all([pid, pid]))).toEqual(['found', 'found']);
  });

  it('give up a connection that falls silent, and go on with a new one', async () => {
    const network = await TestNetwork.before(database.url);
    const distant = await openPostgresEngine(network.url, { maxConnections: 1, silentMs: 500 });
    await distant.look(pid);
    network.fallSilent();
    expect(settled(await all([pid, pid], distant))).toEqual(['unavailable', 'unavailable']);
    expect(settled(await all([pid], distant))).toEqual(['found']);
    await distant.close();
    await network.close();
  });

  it('fail, and nothing else, when there is no connection to be had', async () => {
    await engine.close();
    expect(settled(await all([pid, pid]))).toEqual(['unavailable', 'unavailable']);
  });
});

describe('whoever asks', () => {
  let time: number;
  let opened: number;
  let released: [client: number, failed: boolean][];
  let ending: boolean;
  let shared: SharedConnection;

  beforeEach(() => {
    [time, opened, released, ending] = [0, 0, [], false];
    const connect = () => {
      const client = ++opened;
      return Promise.resolve({ client, release: (failed: boolean) => released.push([client, failed]) });
    };
    const pool = {
      connect,
      get ending() {
        return ending;
      },
    } as unknown as Pool;
    shared = new SharedConnection(pool, { ...systemClock, monotonic: () => time });
  });

  /**
   * Starts a read that keeps the shared connection in use until `stop` is called. `client` resolves to the number of
   * that connection.
   */
  function begin() {
    const end = Promise.withResolvers<undefined>();
    const began = Promise.withResolvers<number>();
    const used = shared.use(async (client) => {
      began.resolve((client as unknown as { client: number }).client);
      await end.promise;
    });
    return {
      client: () => began.promise,
      stop: async () => {
        end.resolve(undefined);
        await used;
      },
    };
  }

  it('shares for ten seconds at most, also while others come and go', async () => {
    let last = begin();
    for (; time < 10_000; time += 200) {
      const next = begin();
      await last.stop();
      expect(await next.client()).toBe(1);
      last = next;
    }
    time = 10_001;
    const fresh = begin();
    expect(await fresh.client()).toBe(2);
    await last.stop();
    await fresh.stop();
    expect(released).toEqual([
      [1, false],
      [2, false],
    ]);
  });

  it('joins nobody whose connection has not answered for a quarter of a second, until it does', async () => {
    const [silent, waiting] = [begin(), begin()];
    time = 250;
    const joined = begin();
    time = 251;
    const fresh = begin();
    expect(await Promise.all([silent, waiting, joined, fresh].map((use) => use.client()))).toEqual([1, 1, 1, 2]);
    for (const use of [silent, waiting, joined]) await use.stop();
    expect(await begin().client()).toBe(2);
    expect(released).toEqual([[1, false]]);
  });

  it('joins nobody when the pool ends, so that it can', async () => {
    const before = begin();
    ending = true;
    expect(await begin().client()).toBe(2);
    await before.stop();
    expect(released).toEqual([[1, false]]);
  });
});

import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { statement } from '../../statement.ts';
import { first, type Verb } from '../../verb.ts';
import type { SqlEngine } from '../../sql-engine.ts';
import { openPostgresEngine } from './postgres-engine.ts';
import { TestNetwork } from './testing/test-network.ts';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

const asked = <Row>(sql: string) =>
  statement<object>()<Row>((db) => ({
    compile: () => ({ ...db.selectFrom('settings').compile(), sql }),
  }));

const process = asked<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.05)');
const nonsense = asked('select 1 / 0');
const suicide = asked('select pg_terminate_backend(pg_backend_pid())');

function* pid(): Verb<number | undefined> {
  return (yield* first(process, {}))?.pid;
}

describe.skipIf(server === undefined)('look-ups of the same time', () => {
  let database: TestDatabase;
  let engine: SqlEngine;

  beforeEach(async () => {
    database = await testDatabase(server!);
    engine = await openPostgresEngine(database.url, { maxConnections: 4 });
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
    expect(new Set(await Promise.all([pid, pid].map((verb) => engine.read(verb)))).size).toBe(2);
    expect(await Promise.all([1, 2, 3, 4].map(() => engine.read(pid)))).toContain(pids[0]);
  });

  it('fail alone when the statement is wrong, and leave the connection to nobody', async () => {
    const before = await engine.look(pid);
    const wrong = () => first(nonsense, {});
    expect(settled(await all<unknown>([pid, wrong, pid]))).toEqual(['found', 'internal', 'found']);
    expect(await engine.look(pid)).not.toBe(before);
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

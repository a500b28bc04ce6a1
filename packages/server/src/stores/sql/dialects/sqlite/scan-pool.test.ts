import { copyFileSync, renameSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../../kernel/time/manual-clock.ts';
import type { SqlEngine } from '../../engine/sql-engine.ts';
import { statement } from '../../engine/statement.ts';
import { first, put, rows, type Verb } from '../../engine/verb.ts';
import { rawStatement } from '../../testing/raw-statement.ts';
import { scanWithinMs } from './scan-pool.ts';
import { openSqliteEngine } from './sqlite-engine.ts';

const find = statement<{ name: string }>()((db, p) => db.selectFrom('settings').selectAll().where('name', '=', p.name));
const numbers = rawStatement<{ n: number }>(
  'with recursive s(n) as (select 1 union all select n + 1 from s where n < 100000) select n from s',
);

let folder: string;
let file: string;
let clock: ManualClock;
let engine: SqlEngine;
let threads: Worker[];
const noteThread = (worker: Worker): void => void threads.push(worker);

beforeEach(async () => {
  threads = [];
  process.on('worker', noteThread);
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-scans-'));
  file = path.join(folder, 'metadata.db');
  clock = new ManualClock();
  engine = await openSqliteEngine(file, { threadFromBytes: 0, clock });
});
afterEach(async () => {
  process.off('worker', noteThread);
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const look = () => engine.look(() => first(find, { name: 'a' }));
const scan = () => engine.scan(() => first(find, { name: 'a' }));

/** Starts a scan that runs until `end` is called. */
function endless(): { begun: Promise<void>; done: Promise<void>; end: () => void } {
  let isOver = false;
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const done = engine.scan(function* (): Verb<void> {
    while (!isOver) {
      yield* first(find, { name: 'a' });
      begin();
    }
  });
  return { begun, done, end: () => (isOver = true) };
}

it('a small database is read without a thread', async () => {
  await engine.close();
  engine = await openSqliteEngine(file);
  await scan();
  expect(threads).toHaveLength(0);
  const fill = rawStatement("insert into settings values ('big', hex(zeroblob(2500000)))");
  await engine.write(() => put(fill, {}));
  await scan();
  expect(threads).toHaveLength(1);
});

it('a look-up that is asked for while a thread counts is answered first', async () => {
  await scan();
  const order: string[] = [];
  const counting = engine
    .scan(() => rows(numbers, {}))
    .then((found) => {
      order.push('scan');
      return found.length;
    });
  await look().then(() => order.push('look'));
  expect(await counting).toBe(100_000);
  expect(order).toEqual(['look', 'scan']);
});

it('a thread that is killed fails its scan with unavailable, and the next scan gets another thread', async () => {
  const { begun, done } = endless();
  await begun;
  const failed = expect(done).rejects.toMatchObject({
    code: 'unavailable',
    message: 'The thread that works on the database ended; try again.',
  });
  await threads[0]?.terminate();
  await failed;
  await scan();
  expect(threads).toHaveLength(2);
});

it('a close fails the scan that runs, and leaves no connection behind', async () => {
  const { begun, done } = endless();
  await begun;
  const failed = expect(done).rejects.toMatchObject({ code: 'unavailable', message: 'The database is closed.' });
  await engine.close();
  await failed;
  await expect(scan()).rejects.toMatchObject({ code: 'unavailable', message: 'The database is closed.' });
  // SQLite removes the WAL file when the last connection closes. So a missing file shows that the threads have closed
  // their connections.
  expect(statSync(`${file}-wal`, { throwIfNoEntry: false })).toBeUndefined();
});

it('a scan that takes too long fails at its next statement', async () => {
  const { begun, done } = endless();
  await begun;
  clock.advance(scanWithinMs + 1);
  await expect(done).rejects.toMatchObject({
    code: 'unavailable',
    message: 'A read of many rows took longer than 30 s; try again, or ask for less.',
  });
  await scan();
});

it('a scan that ended holds no snapshot: the log can be written back and begin anew', async () => {
  const { begun, done, end } = endless();
  await begun;
  await engine.write(() => put(rawStatement("insert into settings values ('a', 'x')"), {}));
  const other = new Database(file, { timeout: 0 });
  const isBusy = (): unknown => (other.pragma('wal_checkpoint(truncate)') as { busy: number }[])[0]?.busy;
  expect(isBusy()).toBe(1);
  end();
  await done;
  await expect.poll(isBusy).toBe(0);
  other.close();
});

it('a thread opens no file that was put in the place of the database', async () => {
  renameSync(file, `${file}.away`);
  copyFileSync(`${file}.away`, file);
  await expect(scan()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('was removed or replaced while the database is in use'),
  });
  expect(threads).toHaveLength(0);
  renameSync(`${file}.away`, file);
  await scan();
});

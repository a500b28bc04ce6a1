import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { statement } from '../../engine/statement.ts';
import { rawStatement } from '../../testing/raw-statement.ts';
import { first, put, rows } from '../../engine/verb.ts';
import type { QueueEngine } from '../../queue/queue-dialect.ts';
import { busyWithinMs } from './busy-retry.ts';
import { openSqliteEngine } from './sqlite-engine.ts';
import { ManualDelay } from './testing/manual-delay.ts';

let folder: string;
let file: string;
let delays: ManualDelay;
let engine: QueueEngine;
let other: Database.Database;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-busy-'));
  file = path.join(folder, 'metadata.db');
  delays = new ManualDelay();
  engine = await openSqliteEngine(file, { delay: delays.delay });
  other = new Database(file, { timeout: 0 });
});

afterEach(async () => {
  other.close();
  await delays.until(engine.close());
  await rm(folder, { recursive: true, force: true });
});

const insert = statement<{ name: string }>()((db, p) => db.insertInto('settings').values({ name: p.name, value: 'v' }));
const find = statement<{ name: string }>()((db, p) => db.selectFrom('settings').selectAll().where('name', '=', p.name));
const all = statement<object>()((db) => db.selectFrom('settings').select('name').orderBy('name'));
const write = (name: string): Promise<void> => engine.write(() => put(insert, { name }));
const message = expect.stringMatching(
  /^Another program holds a lock on the database \(sqlite3, a backup tool .*end that/,
);

it.each(['begin immediate', 'begin exclusive'])(
  'while another program holds "%s", writes wait and reads answer',
  async (lock) => {
    await write('before');
    other.exec(lock);
    const writes = Promise.all(Array.from({ length: 300 }, (_, index) => write(`name-${String(index)}`)));
    for (let attempt = 0; attempt < 20; attempt++) {
      await delays.end();
      expect(await engine.read(() => first(find, { name: 'before' }))).toBeDefined();
      await engine.ping();
    }
    expect(await engine.read(() => rows(all, {}))).toHaveLength(1);
    other.exec('rollback');
    expect(await delays.until(writes)).toMatchObject({ status: 'fulfilled' });
    expect(await engine.read(() => rows(all, {}))).toHaveLength(301);
  },
);

it('after the deadline writes are refused and say who is meant; later ones are tried twice and not held up again', async () => {
  other.exec('begin immediate');
  const refused = { status: 'rejected', reason: { code: 'unavailable', message } };
  expect(await delays.until(Promise.allSettled([write('a'), write('b')]))).toMatchObject({ value: [refused, refused] });
  expect(delays.endedMs).toBeGreaterThanOrEqual(busyWithinMs);
  expect(delays.endedMs).toBeLessThan(busyWithinMs + 200);
  const before = delays.endedMs;
  expect(await delays.until(write('c'))).toMatchObject({ reason: { code: 'unavailable' } });
  expect(delays.endedMs - before).toBeLessThanOrEqual(200);
  const held = write('d');
  await delays.end();
  other.exec('rollback');
  expect(await delays.until(held)).toMatchObject({ status: 'fulfilled' });
  expect(await engine.read(() => rows(all, {}))).toEqual([{ name: 'd' }]);
  // The other program locks the file a second time, so the engine retries for another `busyWithinMs`.
  other.exec('begin immediate');
  const waiting = write('e');
  for (let attempt = 0; attempt < 10; attempt++) await delays.end();
  other.exec('rollback');
  expect(await delays.until(waiting)).toMatchObject({ status: 'fulfilled' });
});

it('a COMMIT that is refused as busy is tried again as a whole, and each verb takes effect once', async () => {
  const side = new Database(path.join(folder, 'side.db'));
  side.exec('create table numbers (n integer)');
  await engine.write(() => put(rawStatement(`attach '${path.join(folder, 'side.db')}' as side`), {}));
  side.exec('begin');
  side.prepare('select * from numbers').all();
  const both = Promise.all([
    write('a'),
    engine.write(() => put(rawStatement('insert into side.numbers values (1)'), {})),
  ]);
  for (let attempt = 0; attempt < 5; attempt++) await delays.end();
  expect(await engine.read(() => rows(all, {}))).toEqual([]);
  side.exec('commit');
  expect(await delays.until(both)).toMatchObject({ status: 'fulfilled' });
  expect(await engine.read(() => rows(all, {}))).toEqual([{ name: 'a' }]);
  expect(side.prepare('select count(*) from numbers').pluck().get()).toBe(1);
  side.close();
});

it('a close waits for writes that wait for a lock, and refuses them after the deadline', async () => {
  other.exec('begin immediate');
  const refused = write('a');
  const closed = engine.close();
  expect(await delays.until(refused)).toMatchObject({ reason: { code: 'unavailable' } });
  await closed;
  await expect(write('b')).rejects.toMatchObject({ code: 'unavailable', message: 'The database is closed.' });
});

it('a start waits for a lock, too, and names the file when it is not released', async () => {
  await engine.close();
  other.exec('begin immediate');
  const opened = openSqliteEngine(file, { delay: delays.delay });
  for (let attempt = 0; attempt < 20; attempt++) await delays.end();
  other.exec('rollback');
  const result = await delays.until(opened);
  expect(result.status).toBe('fulfilled');
  if (result.status === 'fulfilled') await result.value.close();
  other.exec('begin exclusive');
  expect(await delays.until(openSqliteEngine(file, { delay: delays.delay }))).toMatchObject({
    reason: { code: 'unavailable', message: expect.stringContaining(`holds a lock on the database ${file} (sqlite3`) },
  });
  other.exec('rollback');
});

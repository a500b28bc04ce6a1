import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rawStatement } from '../../../testing/raw-statement.ts';
import { put } from '../../../engine/verb.ts';
import { largeLogBytes, WalCheckpoints } from './wal-checkpoints.ts';
import { openSqliteEngine } from '../sqlite-engine.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-fold-'));
  file = path.join(folder, 'metadata.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a large log is left to one thread, and small ones to SQLite', async () => {
  const writer = new Database(file);
  const pages = (): unknown => writer.pragma('wal_autocheckpoint', { simple: true });
  const notices: string[] = [];
  const ends: (() => void)[] = [];
  const start = () => ({
    done: new Promise<void>((resolve) => ends.push(resolve)),
    stop: () => Promise.resolve(),
  });
  const folding = new WalCheckpoints(file, writer, (notice) => notices.push(notice), start);
  folding.committed(largeLogBytes);
  expect([pages(), ends.length]).toEqual([4000, 0]);
  folding.committed(largeLogBytes + 1);
  folding.committed(largeLogBytes + 2);
  expect([pages(), ends.length]).toEqual([0, 1]);
  expect(notices).toEqual([
    expect.stringMatching(/-wal has grown above 64 MiB: another program reads the database for long/),
  ]);
  ends[0]?.();
  await expect.poll(pages).toBe(4000);
  // After a checkpoint, the WAL file keeps its size until the next commit. The size alone must not start a second
  // checkpoint thread.
  folding.committed(largeLogBytes + 3);
  expect(ends).toHaveLength(1);
  folding.committed(largeLogBytes);
  folding.committed(largeLogBytes + 1);
  expect(ends).toHaveLength(2);
  writer.close();
});

it('a log that grew under a long read is written back by a thread while commits go on, and shrinks', async () => {
  const notices: string[] = [];
  const engine = await openSqliteEngine(file, { onNotice: (notice) => notices.push(notice) });
  const reader = new Database(file, { readonly: true });
  reader.exec('begin');
  reader.prepare('select count(*) from settings').get();
  const grow = rawStatement(
    "insert into settings select 'big' || (select count(*) from settings), hex(zeroblob(2000000))",
  );
  for (let commit = 0; commit < 20; commit++) await engine.write(() => put(grow, {}));
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(largeLogBytes);
  expect(notices).toHaveLength(1);
  reader.exec('commit');
  const small = rawStatement("insert into settings select 'small' || (select count(*) from settings), ''");
  await expect
    .poll(
      async () => {
        await engine.write(() => put(small, {}));
        return statSync(`${file}-wal`).size;
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBeLessThanOrEqual(largeLogBytes);
  reader.close();
  await engine.close();
  const after = new Database(file, { readonly: true });
  expect(after.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(after.prepare("select count(*) from settings where name like 'big%'").pluck().get()).toBe(20);
  after.close();
});

it('an engine closes while a thread waits for a long read', async () => {
  const engine = await openSqliteEngine(file);
  const reader = new Database(file, { readonly: true });
  reader.exec('begin');
  reader.prepare('select count(*) from settings').get();
  const grow = rawStatement(
    "insert into settings select 'big' || (select count(*) from settings), hex(zeroblob(2000000))",
  );
  for (let commit = 0; commit < 20; commit++) await engine.write(() => put(grow, {}));
  await engine.close();
  reader.close();
  const again = await openSqliteEngine(file);
  await again.close();
});

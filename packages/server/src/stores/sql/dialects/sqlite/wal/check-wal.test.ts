import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statement } from '../../../engine/statement.ts';
import { put, rows } from '../../../engine/verb.ts';
import { openSqliteEngine } from '../sqlite-engine.ts';
import { readLog } from './write-ahead-log.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-log-'));
  file = path.join(folder, 'metadata.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const names = statement<object>()((db) => db.selectFrom('settings').select('name'));
const insert = statement<{ name: string }>()((db, p) => db.insertInto('settings').values({ name: p.name, value: 'v' }));

/** Commits `count` settings in a process, and then kills the process. So its WAL file stays. */
async function crash(count: number, valueBytes = 100): Promise<void> {
  const script = path.join(import.meta.dirname, '..', 'testing', 'write-and-die.ts');
  const child = spawn(process.execPath, [script, file, String(count), String(valueBytes)], { stdio: 'inherit' });
  await once(child, 'close');
}

/** Starts and closes an engine. Returns the notices of the start, and the number of settings that survived. */
async function start(): Promise<{ notices: string[]; names: number }> {
  const notices: string[] = [];
  const engine = await openSqliteEngine(file, { onNotice: (notice) => notices.push(notice) });
  const found = await engine.read(() => rows(names, {}));
  await engine.close();
  return { notices, names: found.length };
}

function flip(place: string, at: number): void {
  const bytes = readFileSync(place);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(place, bytes);
}

function backUp(): string {
  const copy = path.join(folder, 'copy.db');
  rmSync(copy, { force: true });
  const database = new Database(file);
  database.exec(`vacuum into '${copy}'`);
  database.close();
  return copy;
}

describe('a log that a killed server left', () => {
  it('is used whole, without a notice, also after it began anew many times', async () => {
    await crash(30);
    expect(await start()).toEqual({ notices: [], names: 30 });
    await crash(120, 300_000);
    const log = readLog(file);
    expect(log?.lostCommits).toBe(0);
    expect(log?.generations).toBeDefined();
    expect(await start()).toEqual({ notices: [], names: 120 });
  });

  it.each([0.05, 0.3, 0.6, 0.95])(
    'with a wrong byte at %f of it is used up to there, which is said, and a copy is kept',
    async (share) => {
      await crash(40);
      const before = readFileSync(`${file}-wal`);
      flip(`${file}-wal`, Math.floor(before.length * share));
      const { notices, names: found } = await start();
      expect(notices).toEqual([
        expect.stringMatching(
          /is damaged or cut: of \d+ bytes the first \d+ were used, and at least \d+ commits? behind/,
        ),
      ]);
      expect(found).toBeLessThan(40);
      const copy = /kept as (.*)\.$/.exec(notices[0] ?? '')?.[1] ?? '';
      expect(statSync(copy).size).toBe(before.length);
      // The first start reported the damage and began a new WAL. So the second start has nothing to report.
      expect((await start()).notices).toEqual([]);
    },
  );

  it.each([
    ['cut in the middle', (log: string) => truncateSync(log, Math.floor(statSync(log).size / 2))],
    ['cut to nothing', (log: string) => truncateSync(log, 0)],
    ['removed', (log: string) => rmSync(log)],
    ['with a wrong header', (log: string) => flip(log, 18)],
  ])('%s is noticed', async (_how, damage) => {
    await crash(40);
    damage(`${file}-wal`);
    const { notices } = await start();
    expect(notices).toEqual([expect.stringMatching(/is damaged or cut|is missing or empty/)]);
  });

  it('with a transaction at its end that was never committed is used without a notice', async () => {
    await crash(5);
    const size = statSync(`${file}-wal`).size;
    const bytes = readFileSync(`${file}-wal`);
    // A frame (page in the WAL) of an unfinished transaction. It has the salts of the WAL and an invalid checksum, and
    // does not end a commit.
    const frame = Buffer.from(bytes.subarray(size - 24 - 4096));
    frame.writeUInt32BE(0, 4);
    writeFileSync(`${file}-wal`, Buffer.concat([bytes, frame]));
    expect(await start()).toEqual({ notices: [], names: 5 });
  });

  it('is refused beside a file that was restored from an earlier copy, until it is moved away', async () => {
    await crash(10);
    await start();
    const copy = backUp();
    await (await openSqliteEngine(file)).close();
    await crash(25);
    for (const restore of [
      copyFileSync,
      (from: string, to: string) => {
        rmSync(to);
        copyFileSync(from, to);
      },
    ]) {
      restore(copy, file);
      const before = readFileSync(file);
      await expect(openSqliteEngine(file)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(
          /log .*-wal was not written for the file .* Move .*-wal and .*-shm to another folder/,
        ),
      });
      expect(readFileSync(file).equals(before)).toBe(true);
      expect(existsSync(`${file}-wal`)).toBe(true);
    }
    rmSync(`${file}-wal`);
    rmSync(`${file}-shm`);
    expect(await start()).toEqual({ notices: [], names: 10 });
  });

  it('of another database is refused', async () => {
    await crash(10);
    const log = readFileSync(`${file}-wal`);
    for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
    await (await openSqliteEngine(file)).close();
    writeFileSync(`${file}-wal`, log);
    await expect(openSqliteEngine(file)).rejects.toMatchObject({ code: 'unavailable' });
    rmSync(file);
    await expect(openSqliteEngine(file)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is moved together with its file', async () => {
    await crash(10);
    const other = path.join(folder, 'moved.db');
    copyFileSync(file, other);
    copyFileSync(`${file}-wal`, `${other}-wal`);
    file = other;
    expect(await start()).toEqual({ notices: [], names: 10 });
  });

  it('beside a damaged file is not applied, and the start is refused', async () => {
    await crash(60, 20_000);
    await start();
    await crash(3);
    const size = statSync(file).size;
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4096 * 4, size);
    writeFileSync(file, bytes);
    await expect(openSqliteEngine(file)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/damaged.*restore a backup/),
    });
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });
});

it('a database of an earlier version without a generation is opened with and without its log', async () => {
  await (await openSqliteEngine(file)).close();
  const old = new Database(file);
  old.pragma('user_version = 0');
  old.pragma('wal_checkpoint(truncate)');
  old.prepare("insert into settings values ('old', '1')").run();
  const log = readFileSync(`${file}-wal`);
  const main = readFileSync(file);
  old.close();
  expect((await start()).names).toBe(1);
  writeFileSync(file, main);
  writeFileSync(`${file}-wal`, log);
  expect((await start()).names).toBe(1);
});

it('an engine whose log begins anew goes on', async () => {
  const engine = await openSqliteEngine(file);
  const other = new Database(file);
  for (let round = 0; round < 20; round++) {
    await engine.write(() => put(insert, { name: `a-${String(round)}` }));
    await engine.write(() => put(insert, { name: `b-${String(round)}` }));
    other.pragma(round % 2 === 0 ? 'wal_checkpoint(restart)' : 'wal_checkpoint(truncate)');
  }
  await engine.ping();
  expect(await engine.read(() => rows(names, {}))).toHaveLength(40);
  other.close();
  await engine.close();
});

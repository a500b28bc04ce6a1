import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statement } from '../../engine/statement.ts';
import { put, rows } from '../../engine/verb.ts';
import { isMountPoint } from './mount-points.ts';
import { openSqliteEngine } from './sqlite-engine.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-guard-'));
  file = path.join(folder, 'metadata.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const insert = statement<{ name: string }>()((db, p) => db.insertInto('settings').values({ name: p.name, value: 'v' }));
const names = statement<object>()((db) => db.selectFrom('settings').select('name'));

/** Returns the reason why bind mounts cannot be created on this machine, or undefined if they can. */
function noMounts(): string | undefined {
  const [from, to] = [
    path.join(os.tmpdir(), `mount-from-${String(process.pid)}`),
    path.join(os.tmpdir(), `mount-to-${String(process.pid)}`),
  ];
  writeFileSync(from, '');
  writeFileSync(to, '');
  try {
    execFileSync('mount', ['--bind', from, to], { stdio: 'pipe' });
    execFileSync('umount', [to]);
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  } finally {
    rmSync(from, { force: true });
    rmSync(to, { force: true });
  }
}

const whyNot = noMounts();
if (whyNot !== undefined) process.stderr.write(`SKIPPED: bind mounts of a database file (${whyNot})\n`);

describe('an engine whose files are taken away', () => {
  it.each(['', '.lock', '-wal', '-shm'])(
    'writes nothing more when "metadata.db%s" was removed or replaced',
    async (end) => {
      const engine = await openSqliteEngine(file);
      await engine.write(() => put(insert, { name: 'before' }));
      const place = `${file}${end}`;
      const refused = {
        code: 'unavailable',
        message: expect.stringMatching(/removed or replaced while the database is in use; restart/),
      };
      renameSync(place, `${place}.away`);
      await expect(engine.write(() => put(insert, { name: 'a' }))).rejects.toMatchObject(refused);
      await expect(engine.ping()).rejects.toMatchObject(refused);
      copyFileSync(`${place}.away`, place);
      await expect(engine.write(() => put(insert, { name: 'a' }))).rejects.toMatchObject(refused);
      renameSync(`${place}.away`, place);
      await engine.write(() => put(insert, { name: 'after' }));
      expect(await engine.read(() => rows(names, {}))).toHaveLength(2);
      await engine.close();
    },
  );

  it('ends for good when another server opened the database after the lock was removed', async () => {
    const first = await openSqliteEngine(file);
    await first.write(() => put(insert, { name: 'before' }));
    const lock = readFileSync(`${file}.lock`);
    renameSync(`${file}.lock`, `${file}.lock.away`);
    const second = await openSqliteEngine(file);
    // This test restores the original lock file. So the lock file does not show that a second server opened the
    // database, and only the database itself does.
    rmSync(`${file}.lock`);
    renameSync(`${file}.lock.away`, `${file}.lock`);
    expect(readFileSync(`${file}.lock`).equals(lock)).toBe(true);
    const taken = { code: 'unavailable', message: expect.stringMatching(/^Another server has opened the database/) };
    await expect(first.write(() => put(insert, { name: 'lost' }))).rejects.toMatchObject(taken);
    await expect(first.read(() => rows(names, {}))).rejects.toMatchObject(taken);
    await expect(first.ping()).rejects.toMatchObject(taken);
    await first.close();
    await expect(second.write(() => put(insert, { name: 'x' }))).rejects.toThrow(/lock was removed or replaced/);
    expect(await second.read(() => rows(names, {}))).toEqual([{ name: 'before' }]);
    await second.close();
  });

  it('ends for good when a copy was written over its file, and leaves the copy as it is', async () => {
    const engine = await openSqliteEngine(file);
    await engine.write(() => put(insert, { name: 'kept' }));
    const copy = path.join(folder, 'copy.db');
    const reader = new Database(file, { readonly: true });
    await reader.backup(copy);
    reader.close();
    const changed = new Database(copy);
    // A copy that `proofhouse backup create` makes differs in the same two ways: it has the journal mode `delete`, and
    // its own generation (`user_version`).
    changed.pragma('journal_mode = delete');
    changed.pragma('user_version = 12345');
    changed.close();
    await engine.write(() => put(insert, { name: 'after the copy' }));
    writeFileSync(file, readFileSync(copy));
    const refused = { code: 'unavailable', message: expect.stringMatching(/overwritten while it is in use/) };
    await expect(engine.write(() => put(insert, { name: 'x' }))).rejects.toMatchObject(refused);
    await expect(engine.read(() => rows(names, {}))).rejects.toMatchObject(refused);
    await engine.close();
    expect(readFileSync(file).equals(readFileSync(copy))).toBe(true);
    const again = await openSqliteEngine(file);
    expect(await again.read(() => rows(names, {}))).toEqual([{ name: 'kept' }]);
    await again.close();
  });
});

describe('a database file with a second name', () => {
  it('that is a hard link is refused under both names', async () => {
    await (await openSqliteEngine(file)).close();
    const other = path.join(folder, 'other', 'metadata.db');
    mkdirSync(path.dirname(other));
    linkSync(file, other);
    for (const name of [file, other]) {
      await expect(openSqliteEngine(name)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/hard link/),
      });
    }
  });

  it.skipIf(whyNot !== undefined).each(['', '.lock', '-wal'])(
    'that is a bind mount of "metadata.db%s" is refused, and the folder is named',
    async (end) => {
      const engine = await openSqliteEngine(file);
      const other = path.join(folder, 'with blank', 'metadata.db');
      mkdirSync(path.dirname(other));
      writeFileSync(other, '');
      const mounted = `${other}${end}`;
      writeFileSync(mounted, '');
      execFileSync('mount', ['--bind', `${file}${end}`, mounted]);
      try {
        expect(isMountPoint(mounted)).toBe(true);
        await expect(openSqliteEngine(other)).rejects.toMatchObject({
          code: 'unavailable',
          message: `${mounted} is a mount point of its own: its log and its lock would not be shared. Mount the folder ${path.dirname(other)} instead.`,
        });
        await engine.write(() => put(insert, { name: 'goes on' }));
      } finally {
        execFileSync('umount', [mounted]);
        await engine.close();
      }
    },
  );

  it.skipIf(whyNot !== undefined)('that is in a bind mount of its folder shares the lock', async () => {
    const engine = await openSqliteEngine(file);
    const other = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-mounted-'));
    execFileSync('mount', ['--bind', folder, other]);
    try {
      await expect(openSqliteEngine(path.join(other, 'metadata.db'))).rejects.toThrow(
        /Another server uses the database/,
      );
      await engine.write(() => put(insert, { name: 'goes on' }));
      await engine.close();
      await (await openSqliteEngine(path.join(other, 'metadata.db'))).close();
    } finally {
      execFileSync('umount', [other]);
      rmSync(other, { recursive: true });
      await engine.close();
    }
  });

  it('is found in the mounts of the system, whose blanks are escaped', () => {
    const mounts =
      '29 1 8:1 /a /srv/my\\040data/p\\134x.db rw - ext4 /dev/sda1 rw\n30 1 8:1 /b /srv/ü.db rw - ext4 /dev/sda1 rw\n';
    const listed = (): string => mounts;
    expect(isMountPoint('/srv/my data/p\\x.db', listed)).toBe(true);
    expect(isMountPoint('/srv/ü.db', listed)).toBe(true);
    // The device number of `/proc` differs from that of its parent folder, as on overlayfs. But the list of mounts in
    // this test does not contain `/proc`.
    expect(isMountPoint('/proc', listed)).toBe(false);
    const unknown = (): undefined => undefined;
    expect(isMountPoint('/proc', unknown)).toBe(true);
    expect(isMountPoint(folder, unknown)).toBe(false);
    expect(isMountPoint(path.join(folder, 'none.db'), unknown)).toBe(false);
  });
});

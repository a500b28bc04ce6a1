import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FilesystemBackend, type BlobBackend } from '@proofhouse/blobs';
import { backUpStore, ManualClock, restoreStore } from '@proofhouse/server';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeBackupFolder } from '../src/backup/backup-folder.ts';
import { createBackup } from '../src/backup/create-backup.ts';
import { Ids } from '../src/kernel/ids.ts';
import { openMetadataStore } from '../src/stores/open-metadata-store.ts';
import { SqliteArchive } from '../src/stores/sql/dialects/sqlite/sqlite-archive.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

let server: TestServer;
let jobId: string;
let folder: string;
let backup: string;

beforeEach(async () => {
  server = await startTestServer({ store: 'sqlite' });
  jobId = (await server.enqueue()).id;
  for (const [name, size] of [
    ['empty', 0],
    ['small', 100],
    ['large', 300_000],
  ] as const) {
    const answer = await server.upload(jobId, { name, file: Buffer.alloc(size, name) });
    expect(answer.status).toBe(201);
  }
  folder = mkdtempSync(path.join(tmpdir(), 'proofhouse-backup-'));
  backup = path.join(folder, 'backup');
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = (dataDir: string) => ({ env: {}, flags: { 'data-dir': dataDir }, onNotice: () => undefined });
const create = (to = backup) => backUpStore({ ...at(server.folder), folder: to, verify: false });
const restore = (dataDir: string, more: { moveExistingTo?: string; revokeAllTokens?: boolean } = {}) =>
  restoreStore({ ...at(dataDir), folder: backup, revokeAllTokens: false, ...more });

function filesOf(place: string): string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('backup.lock'))
    .map((entry) => path.relative(place, path.join(entry.parentPath, entry.name)))
    .sort();
}

describe('a damaged backup', () => {
  it.each([
    ['is missing', (file: string) => rmSync(file)],
    [
      'was cut',
      (file: string) => {
        const bytes = readFileSync(file);
        rmSync(file);
        writeFileSync(file, bytes.subarray(0, Math.floor(bytes.length / 2)));
      },
    ],
    [
      'has one wrong byte',
      (file: string) => {
        const bytes = readFileSync(file);
        bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
        rmSync(file);
        writeFileSync(file, bytes);
      },
    ],
  ])('of which any file %s is refused, and no database is put in place', async (_how, damage) => {
    await create();
    const files = filesOf(backup);
    expect(files).toHaveLength(5);
    for (const [index, file] of files.entries()) {
      const place = path.join(backup, file);
      // An empty file cannot be truncated or changed. So the only damage that is tested is its removal.
      if (statSync(place).size === 0 && _how !== 'is missing') continue;
      const bytes = readFileSync(place);
      damage(place);
      const target = path.join(folder, `target-${String(index)}`);
      await expect(restore(target), file).rejects.toMatchObject({
        code: expect.stringMatching(/^(integrity_failure|invalid_request)$/),
      });
      expect(existsSync(path.join(target, 'proofhouse.db'))).toBe(false);
      rmSync(place, { force: true });
      writeFileSync(place, bytes);
    }
    await restore(path.join(folder, 'target'));
  });
});

it('bytes that are removed while a backup is made belong to none: the database is copied again', async () => {
  const config = server.server.config;
  const real = new FilesystemBackend({ root: path.join(server.folder, 'blobs') });
  await real.open();
  const live = new Database(path.join(server.folder, 'proofhouse.db'));
  let removed = false;
  // Simulates that retention and collection remove all blobs after the first copy of the database and before the copy
  // of the blobs.
  const read: BlobBackend['read'] = async (key, range) => {
    if (!removed) {
      removed = true;
      live.exec("update artifacts set purged_at = 1; update blob_owners set state = 'released'");
      for await (const blob of real.list()) await real.delete(blob.key);
    }
    return await real.read(key, range);
  };
  const blobs = new Proxy(real, {
    get: (target, name) => {
      if (name === 'read') return read;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  const clock = new ManualClock();
  const made = await createBackup({
    archive: new SqliteArchive(path.join(config.dataDir, 'proofhouse.db')),
    blobs,
    folder: takeBackupFolder(backup, []),
    clock,
    ids: new Ids(clock),
    verify: false,
    onNotice: () => undefined,
  });
  live.close();
  await real.close();
  expect(made.manifest).toMatchObject({ blobs: { count: 0 }, lost: [] });
  expect(filesOf(backup).filter((file) => file.endsWith('.db'))).toEqual([made.manifest.database.file]);
  await restore(path.join(folder, 'target'));
});

it('a backup that is renewed stays the earlier one until the new one is whole', async () => {
  const first = await create();
  const before = filesOf(backup);
  // Writes the files that an interrupted backup leaves.
  writeFileSync(path.join(backup, `database-${'a'.repeat(32)}.db`), 'half of a database');
  writeFileSync(path.join(backup, 'backup.json.new'), '{"format":');
  expect((await restore(path.join(folder, 'one'))).manifest).toEqual(first.manifest);
  const second = await create();
  expect(second.copiedBytes).toBe(0);
  expect(filesOf(backup)).toHaveLength(before.length);
  expect((await restore(path.join(folder, 'two'))).manifest).toEqual(second.manifest);
});

it('two commands never use the folder of one backup at the same time', async () => {
  const outcomes = await Promise.allSettled([create(), create(), create()]);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected')
      expect(outcome.reason).toMatchObject({ message: expect.stringContaining('Another backup or restore uses') });
  }
});

it('a restore that was interrupted while it moved files keeps servers off until it was run again', async () => {
  await create();
  const target = path.join(folder, 'target');
  await restore(target);
  const file = path.join(target, 'proofhouse.db');
  const moved = path.join(folder, 'moved');
  mkdirSync(moved);
  // Simulates a restore that was interrupted between its two renames. The database file is missing, and its new content
  // is still in `proofhouse.db.restoring`.
  renameSync(file, path.join(moved, 'proofhouse.db'));
  writeFileSync(`${file}.restoring`, readFileSync(path.join(moved, 'proofhouse.db')));
  const open = () => openMetadataStore(`sqlite:${file}`);
  await expect(open()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('was interrupted: run `proofhouse backup restore` again'),
  });
  await restore(target);
  expect(existsSync(`${file}.restoring`)).toBe(false);
  await (await open()).close();
});

it('a blob of the store with other bytes than its record says is moved, never written over', async () => {
  await create();
  const target = path.join(folder, 'target');
  await restore(target);
  rmSync(path.join(target, 'proofhouse.db'));
  const wrong =
    filesOf(path.join(target, 'blobs')).find((file) => statSync(path.join(target, 'blobs', file)).size === 100) ?? '';
  rmSync(path.join(target, 'blobs', wrong));
  writeFileSync(path.join(target, 'blobs', wrong), 'w'.repeat(100));
  await expect(restore(target)).rejects.toMatchObject({ code: 'already_exists' });
  expect(existsSync(path.join(target, 'proofhouse.db'))).toBe(false);
  const moved = path.join(folder, 'moved');
  await restore(target, { moveExistingTo: moved });
  expect(readFileSync(path.join(moved, path.basename(wrong)), 'utf8')).toBe('w'.repeat(100));
  expect(readFileSync(path.join(target, 'blobs', wrong)).equals(Buffer.alloc(100, 'small'))).toBe(true);
});

it('each restored database and each copy is a generation of its own, so that no log is taken for its own', async () => {
  await create();
  const generation = (file: string): unknown => {
    const database = new Database(file, { readonly: true });
    const found = database.pragma('user_version', { simple: true });
    database.close();
    return found;
  };
  const copy = path.join(backup, readdirSync(backup).find((name) => name.endsWith('.db')) ?? '');
  await restore(path.join(folder, 'one'));
  await restore(path.join(folder, 'two'));
  const files = [
    path.join(server.folder, 'proofhouse.db'),
    copy,
    ...['one', 'two'].map((name) => path.join(folder, name, 'proofhouse.db')),
  ];
  expect(new Set(files.map(generation)).size).toBe(4);
});

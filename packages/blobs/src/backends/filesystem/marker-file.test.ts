import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { expectCode, listed, putBlob } from '../../blob-backend.contract.ts';
import { FilesystemBackend } from './filesystem-backend.ts';
import { InterruptedFileSystem, type Fault } from './interrupted-file-system.ts';
import { makeTemporaryRoot } from './temporary-root.ts';

let root: string;
let cleanup: () => Promise<void>;

beforeEach(async () => ({ root, cleanup } = await makeTemporaryRoot()));
afterEach(() => cleanup());

async function opened(fileSystem?: InterruptedFileSystem): Promise<FilesystemBackend> {
  const backend = new FilesystemBackend({ root, ...(fileSystem === undefined ? {} : { fileSystem }) });
  await backend.open();
  return backend;
}

it.each<[string, (path: string) => Promise<void>]>([
  ['a link to a marker', (path) => writeFile(`${path}-2`, 'other\n').then(() => symlink(`${path}-2`, path))],
  ['a link to nowhere', (path) => symlink('/nowhere/at/all', path)],
  ['a folder', (path) => mkdir(path)],
  ['a pipe', async (path) => void execFileSync('mkfifo', [path])],
  ['an empty file', (path) => writeFile(path, '')],
  ['two lines', (path) => writeFile(path, 'one\ntwo\n')],
  ['bytes that are no text', (path) => writeFile(path, Buffer.alloc(100, 0xff))],
  ['a gigabyte', async (path) => void execFileSync('truncate', ['-s', '1G', path])],
])(
  '%s in the place of the marker is an integrity failure, and nothing behind it is read or written',
  async (_, plant) => {
    const backend = await opened();
    const path = join(root, 'store-id');
    await plant(path);
    await expectCode(backend.readMarker(), 'integrity_failure');
    await expectCode(backend.writeMarker('mine'), 'integrity_failure');
    const target = await readFile(`${path}-2`, 'utf8').catch(() => 'other\n');
    expect(target).toBe('other\n');
    await backend.close();
  },
);

it('replacing the marker replaces a link or a file itself, not the target of the link', async () => {
  const backend = await opened();
  await writeFile(join(root, 'elsewhere'), 'other\n');
  await symlink(join(root, 'elsewhere'), join(root, 'store-id'));
  expect(await backend.writeMarker('mine', { replace: true })).toBe('mine');
  expect(await readFile(join(root, 'elsewhere'), 'utf8')).toBe('other\n');
  expect((await stat(join(root, 'store-id'))).mode & 0o777).toBe(0o440);
  await backend.close();
});

const faults: Fault[] = [
  { kind: 'stop-before' },
  { kind: 'stop-after' },
  { kind: 'fail', errno: 'EIO' },
  { kind: 'fail', errno: 'ENOSPC' },
  { kind: 'fail', errno: 'EROFS' },
];

it.each(faults.flatMap((fault) => [false, true].map((replace) => ({ fault, replace }))))(
  'interrupted at any call by $fault, a marker is complete or absent, and the next writer succeeds (replace: $replace)',
  async ({ fault, replace }) => {
    const stopsAt = new Set<string | undefined>();
    for (let at = 1; ; at++) {
      await rm(root, { recursive: true, force: true });
      const fileSystem = new InterruptedFileSystem();
      const backend = await opened(fileSystem);
      if (replace) await backend.writeMarker('old');
      fileSystem.arm(at, fault);
      const settled = backend.writeMarker('new', { replace }).then(
        () => 'written',
        () => 'failed',
      );
      await Promise.race([settled, fileSystem.stopped]);
      const done = fileSystem.begun < at;
      await fileSystem.release();
      const next = await opened();
      const found = await next.readMarker();
      stopsAt.add(found);
      expect(replace ? ['old', 'new'] : [undefined, 'new']).toContain(found);
      expect(await next.writeMarker('later')).toBe(found ?? 'later');
      expect(readdirSync(join(root, 'staging')).length).toBeLessThanOrEqual(1);
      await next.sweepStaging(Date.now() + 60_000);
      expect(readdirSync(join(root, 'staging'))).toEqual([]);
      await next.close();
      if (done) break;
    }
    expect(stopsAt.size).toBe(2);
  },
);

const shard = (): string => join(root, 'blobs', 'a');
const inShard = 'a'.repeat(32);

it.each<[string, () => Promise<void>]>([
  ['a link', async () => (await mkdir(join(root, 'foreign')), symlink(join(root, 'foreign'), shard()))],
  ['a file', () => writeFile(shard(), 'not a folder')],
  ['a pipe', async () => void execFileSync('mkfifo', [shard()])],
  [
    'a folder of another disk',
    async () => (await mkdir(shard()), execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', shard()]), undefined),
  ],
])(
  '%s at the place of a shard is passed over by list and sweep, which name it and give all other blobs',
  async (what, plant) => {
    const backend = await opened();
    await putBlob(backend, 'b'.repeat(32), Buffer.from('kept'));
    await rename(shard(), `${shard()}-aside`);
    try {
      await plant();
    } catch (error) {
      if (what !== 'a folder of another disk') throw error;
      process.stderr.write(
        '\nNO DISK could be mounted: the test of a foreign disk in the place of a shard is SKIPPED.\n',
      );
      return;
    }
    const foreign = join(what === 'a link' ? join(root, 'foreign') : shard(), inShard);
    if (what === 'a link' || what === 'a folder of another disk') await writeFile(foreign, 'somebody else');
    const planted: string[] = [];
    const keys = [];
    for await (const { key } of backend.list({ onPlanted: (place) => planted.push(place) })) keys.push(key);
    expect(keys).toEqual(['b'.repeat(32)]);
    expect(planted).toEqual(['blobs/a']);
    await expectCode(listed(backend, 'a'), 'integrity_failure');
    expect(await backend.sweepStaging(Date.now() + 60_000)).toEqual([]);
    await expectCode(backend.delete(inShard), 'integrity_failure');
    if (what === 'a link') expect(await readFile(foreign, 'utf8')).toBe('somebody else');
    await backend.close();
    if (what === 'a folder of another disk') execFileSync('umount', [shard()]);
  },
);

it('a planted staging folder is reported by the sweep, which removes nothing from it', async () => {
  const backend = await opened();
  await rename(join(root, 'staging'), join(root, 'aside'));
  await mkdir(join(root, 'foreign'));
  const left = join(root, 'foreign', `${inShard}.0123456789abcdef`);
  await writeFile(left, 'theirs');
  await symlink(join(root, 'foreign'), join(root, 'staging'));
  const planted: string[] = [];
  const onPlanted = (place: string): void => void planted.push(place);
  expect(await backend.sweepStaging(Date.now() + 60_000, { onPlanted })).toEqual([]);
  expect(planted).toEqual(['staging']);
  expect(await readFile(left, 'utf8')).toBe('theirs');
  await backend.close();
});

it('a sweep removes at most `limit` leftovers', async () => {
  const backend = await opened();
  for (const letter of 'abcde') await writeFile(join(root, 'staging', `${letter.repeat(32)}.0123456789abcdef`), 'x');
  const later = Date.now() + 60_000;
  const taken = [];
  for (;;) {
    const some = await backend.sweepStaging(later, { limit: 2 });
    taken.push(some.length);
    if (some.length < 2) break;
  }
  expect(taken).toEqual([2, 2, 1]);
  await backend.close();
});

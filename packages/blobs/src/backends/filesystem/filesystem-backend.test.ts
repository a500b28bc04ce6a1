import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  blobBackendContract,
  blobBytes,
  expectCode,
  listed,
  putBlob,
  randomBlobKey,
} from '../../blob-backend.contract.ts';
import { FilesystemBackend } from './filesystem-backend.ts';
import { filesystemUnderTest, makeTemporaryRoot } from './temporary-root.ts';

blobBackendContract('filesystem', filesystemUnderTest);

const key = `ab${'c'.repeat(30)}`;
let temporary: Awaited<ReturnType<typeof makeTemporaryRoot>>;
let root: string;
let backend: FilesystemBackend;

beforeEach(async () => {
  temporary = await makeTemporaryRoot();
  root = join(temporary.root, 'deep', 'store');
  backend = new FilesystemBackend({ root });
  await backend.open();
});
afterEach(async () => {
  await backend.close();
  await temporary.cleanup();
});

const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o777;

it('a blob lies at blobs/<first character>/<key>, read-only, in folders closed to others', async () => {
  await putBlob(backend, key, Buffer.from('bytes'));
  const path = join(root, 'blobs', 'a', key);
  expect(await readFile(path, 'utf8')).toBe('bytes');
  expect(backend.localPath(key)).toBe(path);
  expect(await modeOf(path)).toBe(0o440);
  expect((await stat(path)).nlink).toBe(1);
  for (const folder of ['..', '.', 'blobs', 'blobs/a', 'blobs/7', 'staging']) {
    expect(await modeOf(join(root, folder))).toBe(0o750);
  }
  expect(await readdir(join(root, 'staging'))).toEqual([]);
  expect((await readdir(join(root, 'blobs'))).join('')).toBe('234567abcdefghijklmnopqrstuvwxyz');
});

it('the modes of files do not depend on the umask', async () => {
  const script = `
    import { FilesystemBackend } from ${JSON.stringify(new URL('./filesystem-backend.ts', import.meta.url).href)};
    process.umask(0o077);
    const backend = new FilesystemBackend({ root: process.argv[1] });
    await backend.open();
    const writer = await backend.create('${key}');
    await writer.write(Buffer.from('x'));
    await writer.commit();
    await backend.close();`;
  const other = join(temporary.root, 'strict');
  execFileSync(process.execPath, ['--input-type=module', '--eval', script, other]);
  expect(await modeOf(join(other, 'blobs', 'a', key))).toBe(0o440);
  expect(await modeOf(join(other, 'blobs', 'a'))).toBe(0o750);
});

it('a root that is a symbolic link chosen by the operator is resolved', async () => {
  const linked = join(temporary.root, 'linked');
  await symlink(root, linked);
  const viaLink = new FilesystemBackend({ root: linked });
  await viaLink.open();
  await putBlob(viaLink, key, Buffer.from('x'));
  expect(await backend.stat(key)).toMatchObject({ sizeBytes: 1 });
  await viaLink.close();
});

it('a root that cannot be used is unavailable and named; a relative one is invalid', async () => {
  const file = join(temporary.root, 'file');
  await writeFile(file, '');
  for (const unusable of [file, join(file, 'below')]) {
    const attempt = new FilesystemBackend({ root: unusable }).open();
    await expect(attempt).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining(unusable) });
  }
  await symlink('/nowhere/at/all', join(temporary.root, 'dangling'));
  // For some of these paths, code that creates missing folders could recurse without end.
  for (const impossible of ['/proc/x', '/proc/x/y/z', join(temporary.root, 'dangling/x'), `/${'x/'.repeat(3000)}`]) {
    await expectCode(new FilesystemBackend({ root: impossible }).open(), 'unavailable');
  }
  await symlink(temporary.root, join(root, 'elsewhere'));
  await rm(join(root, 'staging'), { recursive: true });
  await symlink(temporary.root, join(root, 'staging'));
  await expectCode(new FilesystemBackend({ root }).open(), 'unavailable');
  expect(() => new FilesystemBackend({ root: 'var/blobs' })).toThrow('absolute');
});

/**
 * Functions that put an entry in the place of a blob, as an attacker could do. The first one creates a link to the file
 * `secret`.
 */
const plants: Record<string, (path: string, secret: string) => Promise<unknown>> = {
  'a link': (path, secret) => symlink(secret, path),
  'a dangling link': (path) => symlink('/nowhere/at/all', path),
  'a link to itself': (path) => symlink(path, path),
  'a folder': (path) => mkdir(path),
  'a link to a folder': (path) => symlink('/', path),
  'a pipe': async (path) => execFileSync('mkfifo', [path]),
  'a link to a device': (path) => symlink('/dev/zero', path),
};

it.each(Object.keys(plants))('%s at the place of a blob is never served', async (name) => {
  const secret = join(temporary.root, 'secret');
  await writeFile(secret, 'not yours');
  await plants[name]?.(join(root, 'blobs', 'a', key), secret);
  await expectCode(backend.read(key), 'integrity_failure');
  await expectCode(backend.stat(key), 'integrity_failure');
  await expectCode(putBlob(backend, key, Buffer.from('x')), 'already_exists');
  expect(await listed(backend)).toMatchObject([{ key, fingerprint: 'irregular' }]);
  if (name === 'a folder') await expectCode(backend.delete(key), 'integrity_failure');
  else await backend.delete(key);
  expect(await readFile(secret, 'utf8')).toBe('not yours');
});

it('a socket at the place of a blob is never served', async () => {
  const server = createServer().listen(join(root, 'blobs', 'a', key));
  await once(server, 'listening');
  await expectCode(backend.read(key), 'integrity_failure');
  server.close();
});

it.each(['blobs/a', 'blobs'])('a link in the place of the folder %s is never followed', async (folder) => {
  await putBlob(backend, key, Buffer.from('x'));
  const elsewhere = join(temporary.root, 'elsewhere');
  await rename(join(root, folder), elsewhere);
  const attacked = folder === 'blobs' ? join(temporary.root, 'copy') : elsewhere;
  if (folder === 'blobs') execFileSync('cp', ['-r', elsewhere, attacked]);
  await symlink(attacked, join(root, folder));
  await expectCode(backend.read(key), 'integrity_failure');
  await expectCode(backend.stat(key), 'integrity_failure');
  await expectCode(backend.delete(key), 'integrity_failure');
  await expectCode(putBlob(backend, key.replace('b', 'd'), Buffer.from('x')), 'integrity_failure');
  await expectCode(listed(backend), 'integrity_failure');
  await expectCode(new FilesystemBackend({ root }).open(), 'unavailable');
});

it('a file in the place of a shard folder is an integrity failure', async () => {
  await rm(join(root, 'blobs', 'a'), { recursive: true });
  await writeFile(join(root, 'blobs', 'a'), '');
  await expectCode(backend.read(key), 'integrity_failure');
  await expectCode(putBlob(backend, key, Buffer.from('x')), 'integrity_failure');
  expect(await readdir(join(root, 'staging'))).toEqual([]);
});

it('a removed shard folder is created again, and one restored from a copy is accepted', async () => {
  await rm(join(root, 'blobs', 'a'), { recursive: true });
  await expectCode(backend.read(key), 'not_found');
  expect(await backend.stat(key)).toBeUndefined();
  await backend.delete(key);
  expect(await listed(backend)).toEqual([]);
  const keys = Array.from({ length: 8 }, () => `a${randomBlobKey().slice(1)}`);
  await Promise.all(keys.map((one) => putBlob(backend, one, Buffer.from('x'))));
  execFileSync('cp', ['-r', join(root, 'blobs', 'a'), join(root, 'blobs', 'restored')]);
  await rm(join(root, 'blobs', 'a'), { recursive: true });
  await rename(join(root, 'blobs', 'restored'), join(root, 'blobs', 'a'));
  await putBlob(backend, key, Buffer.from('y'));
  expect((await listed(backend)).map((found) => found.key).sort()).toEqual([...keys, key].sort());
});

it('a replaced, rewritten, truncated or touched file has another fingerprint', async () => {
  const seen = new Set([(await putBlob(backend, key, Buffer.alloc(10))).fingerprint]);
  const path = join(root, 'blobs', 'a', key);
  const changed = async (work: Promise<unknown>): Promise<void> => {
    await work;
    const found = await backend.stat(key);
    expect(seen).not.toContain(found?.fingerprint);
    seen.add(found?.fingerprint ?? '');
  };
  await chmod(path, 0o640);
  await changed(appendFile(path, 'x'));
  await changed(truncate(path, 5));
  await changed(writeFile(path, 'other'));
  await writeFile(join(root, 'other'), 'other');
  await changed(rm(path).then(() => link(join(root, 'other'), path)));
});

it('a file that is truncated during a read causes an error, not an early end', async () => {
  await putBlob(backend, key, Buffer.alloc(8 * 1024 * 1024));
  const { body } = await backend.read(key);
  if (!(body instanceof Readable)) throw new Error('A large blob is streamed.');
  await chmod(join(root, 'blobs', 'a', key), 0o640);
  await truncate(join(root, 'blobs', 'a', key), 3 * 1024 * 1024);
  await expectCode(blobBytes({ body }), 'integrity_failure');
});

it('streams that are destroyed leave no file open', async () => {
  await putBlob(backend, key, Buffer.alloc(3 * 1024 * 1024));
  const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
  const before = await openFiles();
  for (let i = 0; i < 40; i++) {
    const { body } = await backend.read(key);
    if (!(body instanceof Readable)) throw new Error('A large blob is streamed.');
    body.once('error', () => undefined);
    if (i % 2 === 0) body.read();
    body.destroy(i % 3 === 0 ? new Error('client went away') : undefined);
    await new Promise((done) => body.once('close', done));
  }
  expect(await openFiles()).toBeLessThanOrEqual(before + 2);
});

it('names that are not blobs are neither listed nor swept', async () => {
  await writeFile(join(root, 'blobs', 'a', 'README'), '');
  await writeFile(join(root, 'blobs', 'a', 'b'.repeat(32)), 'in the wrong shard');
  await mkdir(join(root, 'blobs', 'extra'));
  await writeFile(join(root, 'staging', 'README'), '');
  await mkdir(join(root, 'staging', `${key}.0123456789abcdef`));
  expect(await listed(backend)).toEqual([]);
  expect(await backend.sweepStaging(Date.now() + 60_000)).toEqual([]);
  expect((await readdir(join(root, 'staging'))).sort()).toEqual([`${key}.0123456789abcdef`, 'README'].sort());
});

it('a write whose staging file was swept fails and is never partly visible', async () => {
  const writer = await backend.create(key);
  for (let i = 0; i < 3; i++) await writer.write(Buffer.alloc(1024 * 1024));
  expect(await backend.sweepStaging(Date.now() + 60_000)).toHaveLength(1);
  await expectCode(writer.commit(), 'unavailable');
  expect(await backend.stat(key)).toBeUndefined();
});

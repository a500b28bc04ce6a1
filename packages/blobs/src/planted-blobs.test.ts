// Tests that a link, folder, device or changed file in the place of a blob is never returned as the blob. Somebody with
// access to the disk could put it there.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  open,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FilesystemBackend } from './backends/filesystem/filesystem-backend.ts';
import { makeTemporaryRoot } from './backends/filesystem/temporary-root.ts';
import { blobBytes, expectCode, randomBlobKey } from './blob-backend.contract.ts';
import { alwaysHashedBytes, type BlobRef, Blobs } from './blobs.ts';

const kib = 1024;
const sizes = { '100 bytes': 100, '100 KiB': 100 * kib, '256 KiB': alwaysHashedBytes, '700 KiB': 700 * kib };
let root: string;
let cleanup: () => Promise<void>;
let files: FilesystemBackend;
let blobs: Blobs;

beforeEach(async () => {
  ({ root, cleanup } = await makeTemporaryRoot());
  files = new FilesystemBackend({ root: join(root, 'store') });
  await files.open();
  blobs = new Blobs({ backend: files, newKey: randomBlobKey });
});
afterEach(async () => {
  await files.close();
  await cleanup();
});

interface Planting {
  readonly path: string;
  readonly bytes: Buffer;
  /** Path of a file outside the store that has exactly the bytes of the blob. */
  readonly twin: string;
  /** Path of a file outside the store that has the size of the blob but other bytes. */
  readonly other: string;
}

const inPlace = (work: (planting: Planting) => Promise<unknown>) => async (planting: Planting) => {
  await rm(planting.path);
  await work(planting);
};

const foreign: Record<string, (planting: Planting) => Promise<unknown>> = {
  'a link to a file with the right bytes': inPlace(({ path, twin }) => symlink(twin, path)),
  'a link to the blob itself, moved aside': async ({ path }) => {
    await rename(path, join(root, 'aside'));
    await symlink(join(root, 'aside'), path);
  },
  'a link to /etc/passwd': inPlace(({ path }) => symlink('/etc/passwd', path)),
  'a dangling link': inPlace(({ path }) => symlink('/nowhere/at/all', path)),
  'a link to itself': inPlace(({ path }) => symlink(path, path)),
  'a link to a folder': inPlace(({ path }) => symlink('/', path)),
  'a link to a device': inPlace(({ path }) => symlink('/dev/zero', path)),
  'a folder': inPlace(({ path }) => mkdir(path)),
  'a pipe that nobody writes to': inPlace(async ({ path }) => execFileSync('mkfifo', [path])),
  'a file of the same size with other bytes, moved there': inPlace(({ path, other }) => rename(other, path)),
  'a second name of a foreign file of the same size': inPlace(({ path, other }) => link(other, path)),
  nothing: inPlace(() => Promise.resolve()),
};

const changed: Record<string, (planting: Planting) => Promise<unknown>> = {
  'cut by one byte': ({ path, bytes }) => truncate(path, bytes.length - 1),
  'cut to nothing': ({ path }) => truncate(path, 0),
  'grown by one byte': ({ path }) => appendFile(path, 'x'),
  'grown to 8 GiB': ({ path }) => truncate(path, 2 ** 33),
  'written over': ({ path, bytes }) => writeFile(path, Buffer.alloc(bytes.length)),
  'cut, with its times put back': (planting) => keepingTimes(planting, () => truncate(planting.path, 10)),
  'grown, with its times put back': (planting) => keepingTimes(planting, () => appendFile(planting.path, 'x')),
  'replaced by another file of the same times': async ({ path, other }) => {
    const { atime, mtime } = await stat(path);
    await utimes(other, atime, mtime);
    await rename(other, path);
  },
};

async function keepingTimes({ path }: Planting, work: () => Promise<unknown>): Promise<void> {
  const { atimeNs, mtimeNs } = await stat(path, { bigint: true });
  await work();
  // The command `touch` sets the time, because Node's `utimes` does not support nanoseconds.
  const time = (ns: bigint): string => `@${String(ns / 10n ** 9n)}.${String(ns % 10n ** 9n).padStart(9, '0')}`;
  execFileSync('touch', ['-a', '-d', time(atimeNs), path]);
  execFileSync('touch', ['-m', '-d', time(mtimeNs), path]);
}

const overwriteOneByte = async ({ path, bytes }: Planting): Promise<void> => {
  const file = await open(path, 'r+');
  await file.write(Buffer.from([(bytes[0] ?? 0) ^ 1]), 0, 1, 0);
  await file.close();
};

async function plantable(size: number): Promise<Planting & { ref: BlobRef }> {
  const bytes = randomBytes(size);
  const twin = join(root, 'twin');
  const other = join(root, 'other');
  await writeFile(twin, bytes);
  await writeFile(other, randomBytes(size));
  const ref = await blobs.receive(
    (async function* () {
      yield bytes;
    })(),
  );
  const path = files.localPath(ref.key);
  await chmod(path, 0o640);
  return { path, bytes, twin, other, ref };
}

async function expectRefused(ref: BlobRef): Promise<void> {
  await expectCode(blobs.open(ref), 'integrity_failure');
  await expectCode(blobs.open(ref, { start: 3, end: 40 }), 'integrity_failure');
  await expectCode(blobs.verify(ref), 'integrity_failure');
}

describe.each(Object.entries(sizes))('at the place of a blob of %s', (_, size) => {
  it.each(Object.entries(foreign))('%s is refused', async (_name, plant) => {
    const planting = await plantable(size);
    await plant(planting);
    await expectRefused(planting.ref);
  });

  it.each(Object.entries(changed))('the blob, %s, is refused', async (_name, change) => {
    const planting = await plantable(size);
    await change(planting);
    await expectRefused(planting.ref);
  });

  it('a socket is refused', async () => {
    const { path, ref } = await plantable(size);
    await rm(path);
    const server = createServer().listen(path);
    await once(server, 'listening');
    await expectRefused(ref);
    server.close();
  });

  it.runIf(process.getuid?.() === 0)('a device is refused', async (context) => {
    const { path, ref } = await plantable(size);
    await rm(path);
    try {
      execFileSync('mknod', [path, 'c', '1', '5'], { stdio: 'pipe' });
    } catch {
      context.skip('this machine lets nobody make a device');
    }
    await expectRefused(ref);
  });

  it('a hard link of a foreign file with the right bytes is served, and refused as soon as that file changes', async () => {
    const planting = await plantable(size);
    await rm(planting.path);
    await link(planting.twin, planting.path);
    const opened = await blobs.open(planting.ref);
    expect(planting.bytes.equals(await blobBytes(opened))).toBe(true);
    await overwriteOneByte({ ...planting, path: planting.twin });
    await expectRefused({ ...planting.ref, fingerprint: opened.fingerprint });
  });

  it('a blob with one changed byte and restored times is refused up to 256 KiB; for larger ones only verify detects it', async () => {
    const planting = await plantable(size);
    await keepingTimes(planting, () => overwriteOneByte(planting));
    await expectCode(blobs.verify(planting.ref), 'integrity_failure');
    if (size <= alwaysHashedBytes) await expectRefused(planting.ref);
    else await blobBytes(await blobs.open(planting.ref));
  });
});

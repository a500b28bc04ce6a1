import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { blobBytes, listed, putBlob, randomBlobKey } from '../../blob-backend.contract.ts';
import { FilesystemBackend } from './filesystem-backend.ts';
import { makeTemporaryRoot } from './temporary-root.ts';

const script = `
  import { randomBytes } from 'node:crypto';
  import { Blobs } from ${JSON.stringify(new URL('../../blobs.ts', import.meta.url).href)};
  import { FilesystemBackend } from ${JSON.stringify(new URL('./filesystem-backend.ts', import.meta.url).href)};
  const backend = new FilesystemBackend({ root: process.argv[1] });
  await backend.open();
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  const newKey = () => Array.from(randomBytes(32), (byte) => alphabet[byte & 31]).join('');
  const blobs = new Blobs({ backend, newKey });
  const pieces = async function* (count) { for (let i = 0; i < count; i++) yield randomBytes(100_000); };
  const work = async (worker) => {
    for (let i = 0; ; i++) console.log(JSON.stringify(await blobs.receive(pieces((i + worker) % 30))));
  };
  await Promise.all([0, 1, 2, 3].map(work));`;

interface Reported {
  readonly key: string;
  readonly sha256: string;
}

/**
 * Stores blobs in a child process, kills the process when it has reported `count` stored blobs, and returns all reported
 * blobs.
 */
async function storeUntilKilled(root: string, count: number): Promise<Reported[]> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const reported: Reported[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.endsWith('}')) continue;
    reported.push(JSON.parse(line) as Reported);
    if (reported.length === count) child.kill('SIGKILL');
  }
  return reported;
}

it('blobs that a killed process reported as stored are complete, and no blob is incomplete', async () => {
  const { root, cleanup } = await makeTemporaryRoot();
  for (const count of [1, 7, 20, 41]) {
    const reported = await storeUntilKilled(root, count);
    expect(reported.length).toBeGreaterThanOrEqual(count);
    const fresh = new FilesystemBackend({ root });
    await fresh.open();
    for (const { key, sha256 } of reported) {
      const bytes = await blobBytes(await fresh.read(key));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    // Each blob consists of pieces of 100,000 bytes, so an incomplete blob has another size.
    for (const { sizeBytes } of await listed(fresh)) expect(sizeBytes % 100_000).toBe(0);
    await fresh.sweepStaging(Date.now() + 60_000);
    expect(await fresh.sweepStaging(Date.now() + 60_000)).toEqual([]);
    await fresh.close();
  }
  await cleanup();
}, 60_000);

const stepScript = `
  import { FilesystemBackend } from ${JSON.stringify(new URL('./filesystem-backend.ts', import.meta.url).href)};
  import { InterruptedFileSystem } from ${JSON.stringify(new URL('./interrupted-file-system.ts', import.meta.url).href)};
  const [root, key, size, at] = process.argv.slice(1);
  const fileSystem = new InterruptedFileSystem();
  fileSystem.stopped.then(() => process.kill(process.pid, 'SIGKILL'));
  const backend = new FilesystemBackend({ root, fileSystem });
  await backend.open();
  fileSystem.arm(Number(at), { kind: 'stop-before' });
  const writer = await backend.create(key);
  for (let left = Number(size); left > 0; left -= 262144) await writer.write(Buffer.alloc(Math.min(left, 262144), 7));
  await writer.commit();`;

/** Stores one blob in a process that kills itself before its `at`th file system call. Returns true if it was killed. */
async function killedAt(root: string, key: string, size: number, at: number): Promise<boolean> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', stepScript, root, key, `${size}`, `${at}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect([code, signal]).toEqual(signal === null ? [0, null] : [null, 'SIGKILL']);
  return signal !== null;
}

it.each([4096, 3 * 1024 * 1024 + 7])(
  'killed at each of its calls, a write of %i bytes leaves a complete blob or a leftover for the sweep',
  async (size) => {
    const { root, cleanup } = await makeTemporaryRoot();
    const key = randomBlobKey();
    const step = async (at: number): Promise<boolean> => {
      const folder = join(root, String(at));
      const killed = await killedAt(folder, key, size, at);
      const fresh = new FilesystemBackend({ root: folder });
      await fresh.open();
      await fresh.sweepStaging(Date.now() + 60_000);
      const found = (await listed(fresh)).map((listing) => listing.key);
      if (!killed) expect(found).toEqual([key]);
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      expect(entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name)).toEqual(found);
      if (found.length === 0) await putBlob(fresh, key, Buffer.alloc(size, 7));
      expect((await blobBytes(await fresh.read(key))).equals(Buffer.alloc(size, 7))).toBe(true);
      await fresh.close();
      return killed;
    };
    let kills = 0;
    for (let at = 1; ; at += 4) {
      const killed = await Promise.all([at, at + 1, at + 2, at + 3].map(step));
      kills += killed.filter((was) => was).length;
      if (killed.includes(false)) break;
    }
    // The write makes at least these calls: open, writev, fsync, fstat, lstat, link, fsync of the shard, close, unlink.
    expect(kills).toBeGreaterThanOrEqual(9);
    await cleanup();
  },
  120_000,
);

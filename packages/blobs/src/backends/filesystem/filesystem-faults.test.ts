import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError } from '@proofhouse/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blobBytes, listed, putBlob, randomBlobKey } from '../../blob-backend.contract.ts';
import { FilesystemBackend } from './filesystem-backend.ts';
import { type Fault, InterruptedFileSystem } from './interrupted-file-system.ts';
import { makeTemporaryRoot } from './temporary-root.ts';

const key = randomBlobKey();
const sizes = { 'no bytes': 0, '4 KiB': 4096, '3 MiB': 3 * 1024 * 1024 + 7 };
let root: string;
let cleanup: () => Promise<void>;

beforeEach(async () => ({ root, cleanup } = await makeTemporaryRoot()));
afterEach(() => cleanup());

/** Stores one blob of 256 KiB chunks; on failure ends the writer as every caller does. */
async function store(backend: FilesystemBackend, bytes: Buffer): Promise<void> {
  const writer = await backend.create(key);
  try {
    for (let at = 0; at < bytes.length; at += 256 * 1024) await writer.write(bytes.subarray(at, at + 256 * 1024));
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

type Outcome = { code?: string; stored: boolean; stopped: boolean; leftovers: number };

/** One attempt over a fresh folder with a fault at the `at`th call, then a look with the eyes of a new process. */
async function attempt(bytes: Buffer, at: number, fault: Fault): Promise<Outcome & { done: boolean }> {
  const folder = join(root, String(Math.random()).slice(2));
  const fileSystem = new InterruptedFileSystem();
  const backend = new FilesystemBackend({ root: folder, fileSystem });
  await backend.open();
  fileSystem.arm(at, fault);
  const result = store(backend, bytes).then(
    () => 'stored',
    (error: unknown) => (isAppError(error) ? error.code : `not an AppError: ${String(error)}`),
  );
  const code = await Promise.race([result, fileSystem.stopped.then(() => 'stopped')]);
  const done = fileSystem.begun < at;
  await fileSystem.release();
  return { ...(await lookAgain(folder, bytes)), code, done, stopped: code === 'stopped' };
}

/** What a fresh backend finds. Whatever is visible must be whole, and what is not must be sweepable. */
async function lookAgain(folder: string, bytes: Buffer): Promise<{ stored: boolean; leftovers: number }> {
  const fresh = new FilesystemBackend({ root: folder });
  await fresh.open();
  const found = await listed(fresh);
  expect(found.length).toBeLessThanOrEqual(1);
  if (found.length === 1) expect(bytes.equals(await blobBytes(await fresh.read(key)))).toBe(true);
  const leftovers = await fresh.sweepStaging(Date.now() + 60_000);
  expect(await readdir(join(folder, 'staging'))).toEqual([]);
  if (found.length === 1) expect(bytes.equals(await blobBytes(await fresh.read(key)))).toBe(true);
  await fresh.close();
  return { stored: found.length === 1, leftovers: leftovers.length };
}

describe.each(Object.entries(sizes))('a write of %s', (_, size) => {
  const bytes = randomBytes(size);

  it.each([
    ['ENOSPC', 'storage_full'],
    ['EDQUOT', 'storage_full'],
    ['EIO', 'unavailable'],
    ['EMFILE', 'unavailable'],
    ['EROFS', 'unavailable'],
  ])('that meets %s at any call ends stored, or %s with nothing left', async (errno, expected) => {
    const outcomes = new Set<string>();
    for (let at = 1; ; at++) {
      const outcome = await attempt(bytes, at, { kind: 'fail', errno });
      outcomes.add(outcome.code ?? '');
      expect(outcome.stored).toBe(outcome.code === 'stored');
      // A staging name may stay only when removing it is what failed.
      if (outcome.code !== 'stored') expect(outcome.leftovers).toBe(0);
      if (outcome.done) break;
    }
    expect(outcomes).toEqual(new Set([expected, 'stored']));
  });

  it.each(['stop-before', 'stop-after'] as const)(
    'that stops at any call (%s) leaves a whole blob or a leftover',
    async (kind) => {
      let stops = 0;
      let leftovers = 0;
      for (let at = 1; ; at++) {
        const outcome = await attempt(bytes, at, { kind });
        if (outcome.done) {
          expect(outcome).toMatchObject({ code: 'stored', stored: true, leftovers: 0 });
          break;
        }
        stops++;
        leftovers += outcome.leftovers;
        expect(outcome.leftovers).toBeLessThanOrEqual(1);
      }
      expect(stops).toBeGreaterThanOrEqual(8);
      expect(leftovers).toBeGreaterThan(0);
    },
  );
});

it('a failure at any call of open is unavailable, and the next open finds its way', async () => {
  for (let at = 1; ; at += 3) {
    const fileSystem = new InterruptedFileSystem();
    fileSystem.arm(at, { kind: 'fail', errno: 'EIO' });
    const folder = join(root, String(at), 'store');
    const backend = new FilesystemBackend({ root: folder, fileSystem });
    const outcome = await backend.open().then(
      () => 'opened',
      (error: unknown) => (isAppError(error) ? error.code : error),
    );
    expect(['opened', 'unavailable']).toContain(outcome);
    await backend.close();
    await fileSystem.release();
    expect(await lookAgain(folder, Buffer.alloc(0))).toMatchObject({ stored: false });
    if (fileSystem.begun < at) break;
  }
});

it('a failed read closes its file and tells why', async () => {
  const fileSystem = new InterruptedFileSystem();
  const backend = new FilesystemBackend({ root, fileSystem });
  await backend.open();
  const bytes = randomBytes(3 * 1024 * 1024);
  await putBlob(backend, key, bytes);
  for (let at = 1; ; at++) {
    fileSystem.arm(at, { kind: 'fail', errno: 'EIO' });
    const path = join(root, 'blobs', key.charAt(0), key);
    const from = fileSystem.calls.length;
    const outcome = await backend
      .read(key)
      .then(blobBytes)
      .then(
        () => 'read',
        (error: unknown) => (isAppError(error) ? error.code : error),
      );
    await new Promise((done) => setImmediate(done));
    const closing = fileSystem.calls.slice(from).filter((call) => call.path === path);
    const count = (name: string): number => closing.filter((call) => call.name === name).length;
    if (fileSystem.begun < at) {
      expect(outcome).toBe('read');
      break;
    }
    // The failed call may be the close itself, which has nothing left to spoil.
    if (outcome === 'unavailable') expect(count('close')).toBe(count('open'));
  }
  await backend.close();
  await fileSystem.release();
});

it('commits at once settle only after their bytes, their link and their folder were synced, in this order', async () => {
  const fileSystem = new InterruptedFileSystem();
  const backend = new FilesystemBackend({ root, fileSystem });
  await backend.open();
  const settledAt = new Map<string, number>();
  const keys = Array.from({ length: 120 }, (_, i) => `${'ab'.charAt(i % 2)}${randomBlobKey().slice(1)}`);
  await Promise.all(
    keys.map(async (one) => {
      await putBlob(backend, one, randomBytes(100));
      settledAt.set(one, fileSystem.tick());
    }),
  );
  const shardSyncs = fileSystem.calls.filter(({ name, path }) => name === 'fsync' && /blobs\/[ab]$/.test(path));
  for (const one of keys) {
    const staged = fileSystem.calls.filter(({ path }) => path.includes(`staging/${one}`));
    const written = staged.findLast(({ name }) => name === 'writev');
    const synced = staged.find(({ name, beganAt }) => name === 'fsync' && beganAt > (written?.endedAt ?? Infinity));
    const linked = fileSystem.calls.find(({ name, path }) => name === 'link' && path.endsWith(one));
    if (synced === undefined || linked === undefined) throw new Error(`${one} was not synced and linked.`);
    expect(linked.beganAt).toBeGreaterThan(synced.endedAt);
    const folder = shardSyncs.some(
      (sync) =>
        sync.path === join(root, 'blobs', one.charAt(0)) &&
        sync.beganAt > linked.endedAt &&
        sync.endedAt < (settledAt.get(one) ?? 0),
    );
    expect(folder).toBe(true);
  }
  expect(shardSyncs.length).toBeLessThan(keys.length);
  await backend.close();
});

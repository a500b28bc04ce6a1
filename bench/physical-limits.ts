// Measures upper limits for any server on this machine: durable writes to the disk, and sha256 on one core.
import { createHash, randomBytes } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const piece = randomBytes(1024 * 1024);

/** Writes one file in calls of 1 MiB, followed by one fsync. Returns the bytes per second. */
export async function diskBytesPerSecond(folder: string, bytes: number): Promise<number> {
  const start = performance.now();
  const file = await open(path.join(folder, 'disk'), 'w');
  for (let written = 0; written < bytes; written += piece.length) await file.write(piece);
  await file.sync();
  await file.close();
  return (bytes * 1000) / (performance.now() - start);
}

/** Writes small files one after another: write, fsync, rename, fsync of the folder. Returns the files per second. */
export async function durableFilesPerSecond(folder: string, bytes: number, forMs: number): Promise<number> {
  const parent = await open(folder, 'r');
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < forMs) {
    const place = path.join(folder, `small-${String(count++ % 64)}`);
    const file = await open(`${place}.new`, 'w');
    await file.write(piece, 0, bytes);
    await file.sync();
    await file.close();
    await rename(`${place}.new`, place);
    await parent.sync();
  }
  await parent.close();
  return (count * 1000) / (performance.now() - start);
}

/** Overwrites the same 4 KiB of a file, with an fsync after each write. Returns the writes per second. */
export async function syncsPerSecond(folder: string, forMs: number): Promise<number> {
  const file = await open(path.join(folder, 'syncs'), 'w');
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < forMs) {
    await file.write(piece, 0, 4096, 0);
    await file.sync();
    count += 1;
  }
  await file.close();
  return (count * 1000) / (performance.now() - start);
}

export function sha256BytesPerSecond(bytes: number): number {
  const hash = createHash('sha256');
  const start = performance.now();
  for (let hashed = 0; hashed < bytes; hashed += piece.length) hash.update(piece);
  hash.digest();
  return (bytes * 1000) / (performance.now() - start);
}

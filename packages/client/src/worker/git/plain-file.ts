import { createHash } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { lstat, open, realpath, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * Opens a regular file for reading. `undefined` when there is none. Never blocks on a FIFO and never follows a symbolic
 * link in the last component: both throw, as does a file that is larger than `maxBytes`.
 */
async function openPlain(file: string | Buffer, maxBytes: number): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP' || code === 'ENXIO') throw notPlain(file);
    throw error;
  }
  const found = await handle.stat();
  if (found.isFile() && found.size <= maxBytes) return handle;
  await handle.close();
  throw found.isFile() ? new Error(`${String(file)} is larger than ${String(maxBytes)} bytes`) : notPlain(file);
}

function notPlain(file: string | Buffer): Error {
  return new Error(`${String(file)} is not a regular file`);
}

/** The content of a regular file; `undefined` when there is none. At most `maxBytes` are read. */
export async function readPlainFile(file: string | Buffer, maxBytes: number): Promise<Buffer | undefined> {
  const handle = await openPlain(file, maxBytes);
  if (handle === undefined) return undefined;
  try {
    const pieces: Buffer[] = [];
    const stream = handle.createReadStream({ autoClose: false, start: 0, end: Math.max(0, maxBytes - 1) });
    for await (const piece of stream) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  } finally {
    await handle.close();
  }
}

export async function readPlainText(file: string, maxBytes: number): Promise<string | undefined> {
  return (await readPlainFile(file, maxBytes))?.toString();
}

/** The size in bytes and the SHA-256 in hex of a regular file, which is copied to the new file `to` on the way when that is given. */
export async function hashPlainFile(
  file: string | Buffer,
  limits: { readonly maxBytes: number; readonly signal: AbortSignal; readonly to?: string },
): Promise<{ readonly sizeBytes: number; readonly hash: string } | undefined> {
  const handle = await openPlain(file, limits.maxBytes);
  if (handle === undefined) return undefined;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  async function* counted(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of stream) {
      limits.signal.throwIfAborted();
      hash.update(piece);
      sizeBytes += piece.length;
      if (sizeBytes > limits.maxBytes) throw new Error(`${String(file)} grew while it was read`);
      yield piece;
    }
  }
  try {
    const stream = handle.createReadStream({ autoClose: false, start: 0, highWaterMark: 256 * 1024 });
    if (limits.to === undefined) for await (const _piece of counted(stream as AsyncIterable<Buffer>));
    else await pipeline(stream, counted, createWriteStream(limits.to, { mode: 0o600, flags: 'wx' }));
    return { sizeBytes, hash: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

/** Copies a regular file; false when there is none. */
export async function copyPlainFile(from: string, to: string, maxBytes: number): Promise<boolean> {
  const handle = await openPlain(from, maxBytes);
  if (handle === undefined) return false;
  try {
    const stream = handle.createReadStream({ autoClose: false, start: 0, highWaterMark: 1024 * 1024 });
    await pipeline(stream, createWriteStream(to, { mode: 0o600 }));
    return true;
  } finally {
    await handle.close();
  }
}

/** The resolved path of a folder; `undefined` when there is no folder. */
export async function realFolder(folder: string): Promise<string | undefined> {
  try {
    const real = await realpath(folder);
    return (await lstat(real)).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `file` is `folder` or lies below it. Both are absolute and resolved. */
export function isInside(file: string, folder: string): boolean {
  const below = path.relative(folder, file);
  return below === '' || (below !== '..' && !below.startsWith(`..${path.sep}`) && !path.isAbsolute(below));
}

import { createHash } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { lstat, open, realpath, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * Opens a regular file for reading. Returns `undefined` if it does not exist. Throws if the last path component is a
 * symbolic link, for a FIFO (without blocking), and for a file larger than `maxBytes`.
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

/** Returns the content of a regular file. Returns `undefined` if it does not exist. Throws if it is larger than `maxBytes`. */
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

/**
 * Returns the size in bytes and the SHA-256 in hexadecimal of a regular file. If `to` is given, also copies the content to
 * `to`, which must not exist.
 */
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

/** Copies a regular file. Returns false if it does not exist. */
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

/** Returns the resolved path of a folder. Returns `undefined` if it is no folder or does not exist. */
export async function realFolder(folder: string): Promise<string | undefined> {
  try {
    const real = await realpath(folder);
    return (await lstat(real)).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}

/** Returns true if `file` is `folder` or a descendant of it. Both are absolute and resolved. */
export function isInside(file: string, folder: string): boolean {
  const below = path.relative(folder, file);
  return below === '' || (below !== '..' && !below.startsWith(`..${path.sep}`) && !path.isAbsolute(below));
}

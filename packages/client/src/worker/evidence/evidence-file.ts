import { constants } from 'node:fs';
import { open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { AppError } from '@proofhouse/core';

const pieceBytes = 256 * 1024;

export interface EvidenceFileOptions {
  /** True to throw if the file is a symbolic link. */
  readonly noFollow?: boolean | undefined;
  /** Real path of a folder that must contain the file. Opening fails if a folder in the path was replaced by a link. */
  readonly below?: string | undefined;
}

/**
 * A regular file with the size that it had when it was opened. `read` always uses the same handle. If the file has
 * grown, `read` yields the first `sizeBytes` bytes. If it has shrunk, `read` throws. Opening never blocks, not even on
 * a FIFO.
 */
export class EvidenceFile {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  static async open(path: string | Buffer, { noFollow, below }: EvidenceFileOptions = {}): Promise<EvidenceFile> {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | (noFollow === true ? constants.O_NOFOLLOW : 0);
    const handle = await open(path, flags);
    try {
      const found = await handle.stat();
      if (!found.isFile()) {
        throw new AppError('invalid_request', `${path.toString()} is not a regular file: only files can be uploaded.`);
      }
      if (below !== undefined) await requireBelow(handle, path, below);
      return new EvidenceFile(handle, found.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  read(): AsyncGenerator<Buffer, void, undefined> {
    return this.readRange(0, this.sizeBytes);
  }

  /** Yields the bytes from `from` up to but not including `to`. */
  async *readRange(from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
    for (let at = from; at < to;) {
      const length = Math.min(pieceBytes, to - at);
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, at);
      if (bytesRead === 0) throw new Error(`it became shorter while it was read (${at} of ${this.sizeBytes} bytes)`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

// Throws if an open file is not inside a folder. O_NOFOLLOW does not suffice, because it checks only the last path
// component.
async function requireBelow(handle: FileHandle, path: string | Buffer, folder: string): Promise<void> {
  const place = await placeOf(handle, path);
  if (!place.subarray(0, folder.length + 1).equals(Buffer.from(`${folder}/`))) {
    throw new Error('a folder above it was replaced by a symbolic link');
  }
}

/**
 * Returns the real path of an open file, from /proc if this exists, else from the path. Throws if the path now refers
 * to another file.
 */
async function placeOf(handle: FileHandle, path: string | Buffer): Promise<Buffer> {
  try {
    return await readlink(`/proc/self/fd/${handle.fd}`, 'buffer');
  } catch {
    const place = await realpath(path, 'buffer');
    const [open, there] = [await handle.stat(), await stat(place)];
    if (open.dev !== there.dev || open.ino !== there.ino) throw new Error('it was replaced while it was opened');
    return place;
  }
}

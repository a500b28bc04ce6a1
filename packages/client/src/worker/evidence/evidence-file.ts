import { constants } from 'node:fs';
import { open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { AppError } from '@proofhouse/core';

const pieceBytes = 256 * 1024;

export interface EvidenceFileOptions {
  /** Throws for a symbolic link. */
  readonly noFollow?: boolean | undefined;
  /** Real path of a folder that must contain the file, even when folders above it are replaced by links. */
  readonly below?: string | undefined;
}

/**
 * A regular file as it was when it was opened. Every read gives the bytes of that size, from one handle. A file that
 * grows gives its beginning; a file that shrinks gives an error. Opening never blocks, not even on a FIFO.
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

  async *read(): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < this.sizeBytes;) {
      const length = Math.min(pieceBytes, this.sizeBytes - at);
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

// O_NOFOLLOW checks only the last path component.
async function requireBelow(handle: FileHandle, path: string | Buffer, folder: string): Promise<void> {
  const place = await placeOf(handle, path);
  if (!place.subarray(0, folder.length + 1).equals(Buffer.from(`${folder}/`))) {
    throw new Error('a folder above it was replaced by a symbolic link');
  }
}

/**
 * Returns the path of an open file: from /proc when it exists, else the given path if it still refers to the same file.
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

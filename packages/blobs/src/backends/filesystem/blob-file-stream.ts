import { Readable } from 'node:stream';
import { AppError } from '@proofhouse/core';
import type { ByteRange } from '../../blob-backend.ts';
import type { OpenFile } from './file-system.ts';
import { storageError } from './storage-error.ts';

/** 64 KiB reads are three times slower. */
const readBytes = 1024 * 1024;

/**
 * The bytes of a range of an open file. It owns the file and closes it when it ends, fails or is
 * destroyed. A file that became shorter is an error and not an early end.
 */
export class BlobFileStream extends Readable {
  readonly #file: OpenFile;
  readonly #end: number;
  #position: number;
  #reading: Promise<unknown> | undefined;

  constructor(file: OpenFile, range: ByteRange) {
    super({ highWaterMark: readBytes });
    this.#file = file;
    this.#position = range.start;
    this.#end = range.end;
  }

  override _read(): void {
    const left = this.#end + 1 - this.#position;
    if (left === 0) {
      this.push(null);
      return;
    }
    this.#reading = readFully(this.#file, this.#position, Math.min(readBytes, left)).then(
      (chunk) => {
        this.#position += chunk.byteLength;
        this.push(chunk);
        if (this.#position > this.#end) this.push(null);
      },
      (error: unknown) => this.destroy(storageError('read a blob', error)),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    void Promise.resolve(this.#reading)
      .then(() => this.#file.close())
      .catch(() => undefined)
      .then(() => done(error));
  }
}

/** Exactly `length` bytes from `position`, else `integrity_failure`. */
export async function readFully(file: OpenFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new AppError('integrity_failure', 'A stored file became shorter while it was read.');
    filled += bytesRead;
  }
  return buffer;
}

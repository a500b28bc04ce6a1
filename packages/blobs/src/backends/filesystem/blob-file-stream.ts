import { Readable } from 'node:stream';
import { AppError } from '@proofhouse/core';
import type { ByteRange, LendingStream } from '../../blob-backend.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { OpenFile } from './file-system.ts';
import { storageError } from './storage-error.ts';

/** Number of bytes that one call reads. With 64 KiB, the throughput was one third of that with 1 MiB. */
const readBytes = 1024 * 1024;

/**
 * Streams the bytes of a range of an open file. The stream owns the file: it closes the file when the stream ends,
 * fails or is destroyed. If the file becomes shorter while it is read, the stream fails with an error and does not end
 * early.
 */
export class BlobFileStream extends Readable implements LendingStream {
  readonly #file: OpenFile;
  readonly #buffers: BufferPool;
  readonly #end: number;
  #position: number;
  #reading: Promise<unknown> | undefined;

  constructor(file: OpenFile, range: ByteRange, buffers: BufferPool) {
    super({ highWaterMark: readBytes });
    this.#file = file;
    this.#buffers = buffers;
    this.#position = range.start;
    this.#end = range.end;
  }

  lend(take: Take, isSoon: IsSoon = always): Promise<void> {
    return new Promise((resolve, reject) => {
      this.once('error', reject).once('close', () => reject(cutOff()));
      this.#lendAll(take, isSoon)
        .then(resolve, (error: unknown) => reject(error as Error))
        .finally(() => this.destroy());
    });
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
      .catch(() => undefined)
      .then(() => this.#file.close())
      .catch(() => undefined)
      .then(() => done(error));
  }

  /**
   * Passes all bytes to `take`. The next piece is read while `take` processes the previous piece, so two buffers are
   * enough.
   */
  async #lendAll(take: Take, isSoon: IsSoon): Promise<void> {
    let before = Promise.resolve();
    while (this.#position <= this.#end) {
      if (this.destroyed) throw cutOff();
      const buffer = this.#buffers.take();
      const piece = await this.#readInto(buffer);
      if (!(await isSoon(before))) {
        // The client has stopped reading. This piece is dropped and read again later. So such a client occupies one
        // buffer, not two.
        this.#buffers.give(buffer);
        this.#position -= piece.byteLength;
        await before;
        continue;
      }
      // If `take` fails, its buffer must not return to the pool, because it may still be in use.
      const taken = take(piece).then(() => this.#buffers.give(buffer));
      // The promise is awaited only after the next piece was read. This handler prevents that a rejection counts as
      // unhandled before.
      taken.catch(() => undefined);
      await before;
      before = taken;
    }
    await before;
  }

  async #readInto(buffer: Buffer): Promise<Buffer> {
    const piece = buffer.subarray(0, Math.min(buffer.byteLength, this.#end + 1 - this.#position));
    // `_destroy` waits for this read before it closes the file.
    this.#reading = fill(this.#file, this.#position, piece);
    try {
      await this.#reading;
    } catch (error) {
      throw storageError('read a blob', error);
    }
    this.#position += piece.byteLength;
    return piece;
  }
}

type Take = (piece: Uint8Array) => Promise<void>;
type IsSoon = (taken: Promise<void>) => Promise<boolean>;

const always: IsSoon = () => Promise.resolve(true);

function cutOff(): Error {
  return new Error('The stream was destroyed before all of it was taken.');
}

/** Reads exactly `length` bytes from `position`. Throws `integrity_failure` if the file has fewer bytes. */
export async function readFully(file: OpenFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  await fill(file, position, buffer);
  return buffer;
}

async function fill(file: OpenFile, position: number, buffer: Buffer): Promise<void> {
  for (let filled = 0; filled < buffer.byteLength;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.byteLength - filled, position + filled);
    if (bytesRead === 0) throw new AppError('integrity_failure', 'A stored file became shorter while it was read.');
    filled += bytesRead;
  }
}

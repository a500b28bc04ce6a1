import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

const pieceBytes = 256 * 1024;
const lineEnd = 0x0a;

/** A byte range of the whole output, from `from` up to but not including `to`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * The output of a command, in a log file of at most `maxBytes`. The first half of the file keeps the beginning of the
 * output. The second half is a ring buffer with the newest output. The file is read through the handle that wrote it.
 * So a command that removes or replaces the file has no effect. Disk errors are never thrown: `failure` is the first
 * one, and nothing is written after it.
 */
export class CapturedLog {
  readonly #handle: FileHandle;
  readonly #headBytes: number;
  readonly #ringBytes: number;
  #sizeBytes = 0;
  #lineEnds = 0;
  #failure: { readonly error: Error; readonly at: number; readonly pieceBytes: number } | undefined;
  #pendingBytes = 0;
  #written: Promise<void> = Promise.resolve();

  private constructor(handle: FileHandle, maxBytes: number) {
    this.#handle = handle;
    this.#headBytes = Math.ceil(maxBytes / 2);
    this.#ringBytes = Math.max(1, Math.floor(maxBytes / 2));
  }

  static async create(file: string, maxBytes: number): Promise<CapturedLog> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    return new CapturedLog(await open(file, flags, 0o600), maxBytes);
  }

  /** Size limit of the log file in bytes. */
  get maxBytes(): number {
    return this.#headBytes + this.#ringBytes;
  }

  /** Size of the whole output in bytes, including the bytes that the file no longer contains. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get lineEnds(): number {
    return this.#lineEnds;
  }

  /** Number of bytes that were passed to `write` and are not on the disk yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get failure(): Error | undefined {
    return this.#failure?.error;
  }

  /**
   * File descriptor for a command that writes into the log file directly. After the command has ended, `adopt` must be
   * called.
   */
  get fd(): number {
    return this.#handle.fd;
  }

  write(piece: Buffer): void {
    if (piece.length === 0) return;
    const at = this.#sizeBytes;
    this.#sizeBytes += piece.length;
    this.#lineEnds += countLineEnds(piece);
    this.#pendingBytes += piece.length;
    this.#written = this.#written.then(async () => {
      await this.#keep(piece, at);
      this.#pendingBytes -= piece.length;
    });
  }

  /** Resolves when all bytes passed to `write` so far are on the disk, or when a write has failed. */
  async settled(): Promise<void> {
    await this.#written;
  }

  /** Returns the log of a command that wrote directly into the file. The whole output is kept, without a size limit. */
  async adopt(): Promise<CapturedLog> {
    const { size } = await this.#handle.stat();
    const adopted = new CapturedLog(this.#handle, size * 2);
    adopted.#sizeBytes = size;
    for await (const piece of adopted.read({ from: 0, to: size })) adopted.#lineEnds += countLineEnds(piece);
    return adopted;
  }

  /** The byte ranges of the output that the file contains: one range, or the beginning and the end. */
  get kept(): readonly Stretch[] {
    const end = this.#failure?.at ?? this.#sizeBytes;
    if (end <= this.#headBytes + this.#ringBytes) return [{ from: 0, to: end }];
    // The failed write may have overwritten some of the oldest bytes in the ring buffer, at most `pieceBytes`.
    const from = end - this.#ringBytes + (this.#failure?.pieceBytes ?? 0);
    return [{ from: 0, to: this.#headBytes }, ...(from < end ? [{ from, to: end }] : [])];
  }

  /** Yields the bytes of a range. The range must be inside one of `kept`. */
  async *read({ from, to }: Stretch): AsyncGenerator<Buffer, void, undefined> {
    for (let at = from; at < to;) {
      const { position, room } = this.#placeOf(at);
      const length = Math.min(pieceBytes, room, to - at);
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, position);
      if (bytesRead === 0) throw new Error('the log became shorter after it was written');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    await this.#written;
    await this.#handle.close();
  }

  async #keep(piece: Buffer, at: number): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      for (let done = 0; done < piece.length;) {
        const { position, room } = this.#placeOf(at + done);
        const length = Math.min(room, piece.length - done);
        done += (await this.#handle.write(piece, done, length, position)).bytesWritten;
      }
    } catch (error) {
      this.#failure = { error: error as Error, at, pieceBytes: piece.length };
    }
  }

  #placeOf(at: number): { readonly position: number; readonly room: number } {
    if (at < this.#headBytes) return { position: at, room: this.#headBytes - at };
    const inRing = (at - this.#headBytes) % this.#ringBytes;
    return { position: this.#headBytes + inRing, room: this.#ringBytes - inRing };
  }
}

export function countLineEnds(piece: Uint8Array): number {
  let count = 0;
  for (let at = piece.indexOf(lineEnd); at !== -1; at = piece.indexOf(lineEnd, at + 1)) count += 1;
  return count;
}

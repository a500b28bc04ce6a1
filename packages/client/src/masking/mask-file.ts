import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '@proofhouse/core';

/** Largest mask file in bytes. */
const maxFileBytes = 16 * 1024 * 1024;
/** Largest value in bytes that `appendToMaskFile` accepts. */
export const maxAddedBytes = 64 * 1024;
/** Number of bytes by which a file that was rewritten is recognized. */
const comparedBytes = 64;
const lineEnd = 0x0a;

/**
 * Appends a value to a mask file. One line holds one value as a JSON string, so a value may contain line ends. A line is
 * appended by one write, so concurrent processes never mix their lines. The file gets mode 0600.
 */
export async function appendToMaskFile(file: string, value: string): Promise<void> {
  const flags =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags, 0o600);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new AppError('invalid_request', `${file} is not a regular file.`);
    if ((found.mode & 0o777) !== 0o600) await handle.chmod(0o600);
    // Another program may have appended a line without a line end.
    const line = Buffer.from(`\n${JSON.stringify(value)}\n`);
    if (found.size + line.length > maxFileBytes) {
      throw new AppError('invalid_request', `${file} has no room for the value: it may have ${maxFileBytes} bytes.`);
    }
    const { bytesWritten } = await handle.write(line);
    if (bytesWritten < line.length) throw new AppError('storage_full', `There is no room left for ${file}.`);
  } finally {
    await handle.close();
  }
}

/**
 * The values of a mask file that other processes append to. It is read synchronously, so that a value that was appended before
 * some output is known before that output is masked. Values that were read once stay known, also if the file is truncated,
 * removed or replaced.
 */
export class MaskFile {
  readonly path: string;
  #opened: { readonly fd: number; readonly ino: number; readonly dev: number } | undefined;
  /** Number of bytes up to the end of the last complete line. */
  #readBytes = 0;
  #sizeBytes = 0;
  /** The last bytes before `#readBytes`. */
  #lastBytes: Buffer = Buffer.alloc(0);
  #isClosed = false;
  readonly #values = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  /** Creates the file, which must not exist. Only this user can read it. */
  static create(path: string): MaskFile {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    const file = new MaskFile(path);
    file.read();
    return file;
  }

  get values(): ReadonlySet<string> {
    return this.#values;
  }

  /**
   * Reads what was appended since the last call. A line that is no JSON string is a value itself. Throws if the path is no
   * regular file any more, or if the file is larger than `maxFileBytes`.
   */
  read(): void {
    if (this.#isClosed) return;
    this.#readOpened();
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    if (found !== undefined && !this.#isOpened(found)) {
      if (!found.isFile()) throw new Error(`${this.path} was replaced by something that is no file`);
      this.#release();
      this.#open();
      this.#readOpened();
    }
  }

  /** Releases the file. Its values stay known, and nothing is read any more. */
  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  #release(): void {
    if (this.#opened !== undefined) closeSync(this.#opened.fd);
    this.#opened = undefined;
    this.#readBytes = 0;
    this.#sizeBytes = 0;
    this.#lastBytes = Buffer.alloc(0);
  }

  #isOpened({ ino, dev }: Stats): boolean {
    return this.#opened?.ino === ino && this.#opened.dev === dev;
  }

  #open(): void {
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { ino, dev } = fstatSync(fd);
    this.#opened = { fd, ino, dev };
  }

  #readOpened(): void {
    if (this.#opened === undefined) return;
    const { fd } = this.#opened;
    const { size } = fstatSync(fd);
    if (size === this.#sizeBytes) return;
    if (size > maxFileBytes) throw new Error(`${this.path} is larger than ${maxFileBytes} bytes`);
    const known = this.#lastBytes;
    const from = Math.max(0, this.#readBytes - known.length);
    const bytes = bytesOf(fd, from, size);
    // If other bytes precede the new ones, the file was rewritten, and is read again from its beginning.
    const isAppended = bytes.subarray(0, known.length).equals(known);
    const fresh = isAppended ? bytes.subarray(known.length) : bytesOf(fd, 0, size);
    if (!isAppended) this.#readBytes = 0;
    for (const line of fresh.toString().split('\n')) this.#addLine(line);
    this.#sizeBytes = this.#readBytes + fresh.length;
    const complete = fresh.subarray(0, fresh.lastIndexOf(lineEnd) + 1);
    this.#readBytes += complete.length;
    if (complete.length > 0) this.#lastBytes = complete.subarray(-comparedBytes);
  }

  #addLine(line: string): void {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (text.trim() === '') return;
    this.#values.add(jsonStringIn(text) ?? text);
  }
}

function bytesOf(fd: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, to - from));
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
}

function jsonStringIn(line: string): string | undefined {
  if (!line.startsWith('"')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

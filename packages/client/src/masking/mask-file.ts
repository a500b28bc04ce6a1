import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '@proofhouse/core';

/** Largest mask file in bytes. */
const maxFileBytes = 16 * 1024 * 1024;
/** Largest value in bytes that `appendToMaskFile` accepts. */
export const maxAddedBytes = 64 * 1024;
/**
 * If a file has grown, so many of its earlier bytes are compared with the bytes that were read before. If they differ,
 * the file was rewritten.
 */
const comparedBytes = 64;
const lineEnd = 0x0a;

/**
 * Appends a value to a mask file. Each line contains one value as a JSON string, so a value may contain line ends. One
 * write appends the whole line, so lines of concurrent processes never mix. The file gets mode 0600.
 */
export async function appendToMaskFile(file: string, value: string): Promise<void> {
  const flags =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags, 0o600);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new AppError('invalid_request', `${file} is not a regular file.`);
    if ((found.mode & 0o777) !== 0o600) await handle.chmod(0o600);
    // Begins with a line end, because another program may have appended a line without one.
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
 * The values of a mask file, to which other processes append values. The file is read synchronously. So a value that
 * was appended before some output is known before that output is masked. A value stays known after it was read, even if
 * the file is truncated, removed or replaced.
 */
export class MaskFile {
  readonly path: string;
  #opened: { readonly fd: number; readonly ino: number; readonly dev: number } | undefined;
  /** Number of bytes from the beginning of the file to the end of the last complete line that was read. */
  #readBytes = 0;
  #sizeBytes = 0;
  /** The last `comparedBytes` bytes before the position `#readBytes`, or fewer. */
  #lastBytes: Buffer = Buffer.alloc(0);
  #isClosed = false;
  readonly #values = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  /** Creates the file. It must not exist. Only this user can read it. */
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
   * Reads the lines that were appended since the last call. If a line is no JSON string, its text is the value. Throws
   * if the path is no regular file any more, or if the file is larger than `maxFileBytes`.
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

  /** Closes the file. Values that were read stay known. Later calls of `read` do nothing. */
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
    // If the last known bytes have changed, the file was rewritten. It is then read again from its beginning.
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

import { closeSync, openSync, readSync, statSync } from 'node:fs';

/**
 * A report about the WAL of a database file. The code reads the WAL by the same rules as SQLite after a crash
 * (https://www.sqlite.org/fileformat2.html#walformat).
 */
export interface LogReport {
  readonly sizeBytes: number;
  /** Number of bytes from the start of the WAL to the end of the last complete commit. */
  readonly usableBytes: number;
  /** Lower bound for the number of commits after a damaged or missing part. SQLite ignores these commits silently. */
  readonly lostCommits: number;
  /** Lowest and highest `user_version` that a usable commit wrote. Undefined if no usable commit wrote one. */
  readonly generations: { readonly lowest: number; readonly highest: number } | undefined;
  /** The salts of the WAL in hex. They change each time the WAL restarts. */
  readonly salt: string;
}

const headerBytes = 32;
const frameHeaderBytes = 24;
const userVersionOffset = 60;
const magicNumbers: readonly number[] = [0x377f0682, 0x377f0683];

/**
 * Returns the report about the WAL. Returns undefined if the WAL is missing or empty and nothing shows that commits
 * were lost. Must not be called while this process has the database open.
 */
export function readLog(file: string): LogReport | undefined {
  const place = `${file}-wal`;
  const sizeBytes = statSync(place, { throwIfNoEntry: false })?.size ?? 0;
  const index = readIndex(`${file}-shm`);
  if (sizeBytes === 0) {
    // The WAL index survives a killed process, and contains the number of frames that the WAL had. So it shows lost
    // commits even if the WAL is missing.
    const lostCommits = index !== undefined && index.committedFrames > index.checkpointedFrames ? 1 : 0;
    if (lostCommits === 0) return undefined;
    return { sizeBytes, usableBytes: 0, lostCommits, generations: undefined, salt: index?.salt ?? '' };
  }
  const handle = openSync(place, 'r');
  try {
    return new LogReader(handle, sizeBytes).report(index);
  } finally {
    closeSync(handle);
  }
}

/**
 * Returns the sequence number and salts of the WAL, which change each time the WAL restarts. Returns an empty text if
 * the WAL has no header yet.
 */
export function logIdentity(handle: number): string {
  const header = Buffer.alloc(headerBytes);
  return readSync(handle, header, 0, headerBytes, 0) < headerBytes ? '' : header.toString('latin1', 12, 24);
}

/**
 * Returns the `user_version` in the first page of the database file, without the WAL. Returns undefined if the file has
 * no page.
 */
export function storedGeneration(handle: number): number | undefined {
  const bytes = Buffer.alloc(4);
  return readSync(handle, bytes, 0, 4, userVersionOffset) < 4 ? undefined : bytes.readInt32BE();
}

interface LogIndex {
  readonly committedFrames: number;
  /** Number of frames (pages in the WAL) that were copied to the database file. */
  readonly checkpointedFrames: number;
  readonly salt: string;
}

// Reads the WAL index by the offsets of its format (https://www.sqlite.org/walformat.html). Numbers have the byte order
// of the machine.
function readIndex(place: string): LogIndex | undefined {
  const bytes = Buffer.alloc(100);
  if ((statSync(place, { throwIfNoEntry: false })?.size ?? 0) < bytes.length) return undefined;
  const handle = openSync(place, 'r');
  try {
    readSync(handle, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(handle);
  }
  const isWhole = bytes[12] === 1 && bytes.subarray(0, 48).equals(bytes.subarray(48, 96));
  if (!isWhole) return undefined;
  const numbers = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 100));
  return {
    committedFrames: numbers[4] ?? 0,
    checkpointedFrames: numbers[24] ?? 0,
    salt: bytes.toString('hex', 32, 40),
  };
}

class LogReader {
  readonly #handle: number;
  readonly #sizeBytes: number;
  readonly #header = Buffer.alloc(headerBytes);
  #bigEndian = false;
  #first = 0;
  #second = 0;
  #usableFrames = 0;
  #lostCommits = 0;
  #generations: number[] = [];

  constructor(handle: number, sizeBytes: number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
  }

  report(index: LogIndex | undefined): LogReport {
    const { sizeBytes } = { sizeBytes: this.#sizeBytes };
    if (!this.#readHeader()) {
      return { sizeBytes, usableBytes: 0, lostCommits: 1, generations: undefined, salt: index?.salt ?? '' };
    }
    const pageBytes = this.#header.readUInt32BE(8);
    this.#readFrames(pageBytes);
    const salt = this.#header.toString('hex', 16, 24);
    const cut = index?.salt === salt && index.committedFrames > this.#usableFrames;
    return {
      sizeBytes,
      usableBytes: this.#usableFrames === 0 ? 0 : headerBytes + this.#usableFrames * (frameHeaderBytes + pageBytes),
      lostCommits: Math.max(this.#lostCommits, cut ? 1 : 0),
      generations:
        this.#generations.length === 0
          ? undefined
          : { lowest: Math.min(...this.#generations), highest: Math.max(...this.#generations) },
      salt,
    };
  }

  #readHeader(): boolean {
    if (readSync(this.#handle, this.#header, 0, headerBytes, 0) < headerBytes) return false;
    const magic = this.#header.readUInt32BE(0);
    if (!magicNumbers.includes(magic)) return false;
    this.#bigEndian = (magic & 1) === 1;
    this.#add(this.#header, 0, headerBytes - 8);
    return this.#matches(this.#header, headerBytes - 8);
  }

  #readFrames(pageBytes: number): void {
    const frame = Buffer.alloc(frameHeaderBytes + pageBytes);
    let whole = true;
    let pending: number[] = [];
    for (let at = 0; ; at++) {
      const offset = headerBytes + at * frame.length;
      if (readSync(this.#handle, frame, 0, frame.length, offset) < frame.length) return;
      // A frame with other salts remained from before the last restart of the WAL. So the usable part of the WAL ends
      // before this frame.
      if (frame.compare(this.#header, 16, 24, 8, 16) !== 0) {
        whole = false;
        continue;
      }
      const ends = frame.readUInt32BE(4) !== 0;
      whole &&= this.#takes(frame);
      if (!whole) {
        this.#lostCommits += ends ? 1 : 0;
        continue;
      }
      if (frame.readUInt32BE(0) === 1) pending.push(frame.readInt32BE(frameHeaderBytes + userVersionOffset));
      if (!ends) continue;
      this.#usableFrames = at + 1;
      this.#generations.push(...pending.filter((generation) => !this.#generations.includes(generation)));
      pending = [];
    }
  }

  #takes(frame: Buffer): boolean {
    this.#add(frame, 0, 8);
    this.#add(frame, frameHeaderBytes, frame.length);
    return this.#matches(frame, 16);
  }

  #matches(bytes: Buffer, offset: number): boolean {
    return bytes.readUInt32BE(offset) === this.#first && bytes.readUInt32BE(offset + 4) === this.#second;
  }

  #add(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += 8) {
      const one = this.#bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
      const two = this.#bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
      this.#first = (this.#first + one + this.#second) >>> 0;
      this.#second = (this.#second + two + this.#first) >>> 0;
    }
  }
}

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

/**
 * Path of libfaketime, a library that changes the wall clock of a process. Undefined if it is not installed (Debian
 * package: faketime).
 */
export const faketimeLibrary = find();

function find(): string | undefined {
  const named = process.env['FAKETIME_LIBRARY'];
  if (named !== undefined) return named;
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib') : [];
  return folders
    .map((folder) => path.join('/usr/lib', folder, 'faketime', 'libfaketimeMT.so.1'))
    .find((file) => existsSync(file));
}

/** The wall clock of one process. The monotonic clock of the process is not changed. */
export class FakeClock {
  readonly #file: string;

  constructor(file: string, offset = '+0') {
    this.#file = file;
    this.set(offset);
  }

  /**
   * Environment variables that change the clock of a process. The process reads the offset from a file again every
   * second.
   */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: faketimeLibrary ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
    };
  }

  /**
   * Sets the offset of the clock: `+1.5` is 1.5 s ahead, `-600` is ten minutes behind, `+0 x1.05` runs five percent
   * faster.
   */
  set(offset: string): void {
    writeFileSync(this.#file, `${offset}\n`);
  }
}

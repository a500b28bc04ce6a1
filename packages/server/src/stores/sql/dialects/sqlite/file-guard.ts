import { closeSync, copyFileSync, fstatSync, openSync, statSync, truncateSync } from 'node:fs';
import { AppError } from '@proofhouse/core';
import type Database from 'better-sqlite3';
import { pooledRandomBytes, type RandomBytes } from '../../../../kernel/ids.ts';
import { logIdentity, storedGeneration } from './wal/write-ahead-log.ts';

interface Watched {
  readonly place: string;
  readonly what: string;
  readonly dev: number;
  readonly ino: number;
}

/**
 * Detects that another program replaced the files of a running engine, or that a second server opened them. The check
 * takes place before each commit, inside its transaction. It compares the inodes of the database, lock, WAL and WAL
 * index with those at the start. It also compares the generation of the database with the last generation that this
 * engine wrote.
 *
 * The generation is the `user_version` of the database. It is raised by one at each start and each time the WAL
 * restarts. If a second server opens the database in spite of the lock, its first commit changes the generation. A file
 * that was overwritten in place has another generation too. The first pages in a WAL show to which database the WAL
 * belongs. docs/decisions/0014 says why a file lock is not sufficient.
 */
export class FileGuard {
  readonly #file: string;
  readonly #writer: Database.Database;
  readonly #read: Database.Statement<[], number>;
  readonly #handle: number;
  readonly #watched: readonly Watched[];
  #logHandle: number | undefined;
  #logIdentity = '';
  #generation: number;
  #next: number | undefined;
  #lost: AppError | undefined;
  #overwritten = false;
  /** The generation in the database file at the start, without the WAL. Undefined once the WAL has restarted. */
  #storedAtStart: number | undefined;

  /**
   * `writer` must have an open transaction, which then writes the first generation. `handle` must read the database
   * file, and must stay open as long as the database. Closing any descriptor of the file would release all locks of
   * this process on that file.
   */
  constructor(file: string, writer: Database.Database, handle: number) {
    this.#file = file;
    this.#writer = writer;
    this.#read = writer.prepare<[], number>('pragma user_version').pluck();
    this.#handle = handle;
    this.#generation = this.#current();
    this.#storedAtStart = storedGeneration(handle);
    this.#write();
    this.#watched = ['database file', 'lock', 'log', 'index of the log'].map((what, index) => {
      const place = `${file}${['', '.lock', '-wal', '-shm'][index] ?? ''}`;
      const { dev, ino } = statSync(place);
      return { place, what, dev, ino };
    });
  }

  /** The error that every read and write must throw until a restart. Undefined while the files are the same. */
  get lost(): AppError | undefined {
    return this.#lost;
  }

  /** Throws `unavailable` if a file was removed, replaced or overwritten. */
  requireSameFiles(): void {
    for (const { place, what, dev, ino } of this.#watched) {
      const found = statSync(place, { throwIfNoEntry: false });
      if (found?.dev === dev && found.ino === ino) continue;
      const message = `The ${what} was removed or replaced while the database is in use; restart the server.`;
      throw new AppError('unavailable', message);
    }
    const stored = storedGeneration(this.#handle);
    // The newest generation may be only in the WAL. So the database file may still contain an earlier one.
    if (stored === this.#generation || stored === preceding(this.#generation) || stored === this.#storedAtStart) return;
    this.#overwritten = true;
    this.#lost = new AppError(
      'unavailable',
      'The database file was overwritten while it is in use; stop the server and restore a backup.',
    );
    throw this.#lost;
  }

  /**
   * Must be called first in each transaction. Throws `unavailable` if the files were removed, replaced or overwritten
   * (`requireSameFiles`), or if another server opened the database.
   */
  begin(): void {
    this.requireSameFiles();
    if (this.#current() !== this.#generation) {
      this.#lost = new AppError(
        'unavailable',
        'Another server has opened the database since then; this server no longer reads or writes it. Stop one of the two.',
      );
      throw this.#lost;
    }
    if (this.#currentLog() !== this.#logIdentity) this.#write();
  }

  /** Must be called after each transaction. `committed` is false if the transaction was rolled back. */
  end(committed: boolean): void {
    if (committed && this.#next !== undefined) {
      this.#generation = this.#next;
      if (this.#logIdentity !== '') this.#storedAtStart = undefined;
      this.#logIdentity = this.#currentLog();
    }
    this.#next = undefined;
  }

  /**
   * Must be called before the database is closed. SQLite runs a checkpoint when the last connection closes. If another
   * program overwrote the file, the pages of the checkpoint would damage it. So the WAL of such a file is copied and
   * emptied first.
   */
  beforeClose(): void {
    if (!this.#overwritten) return;
    const log = `${this.#file}-wal`;
    copyFileSync(log, `${log}.set-aside-${Buffer.from(this.#logIdentity, 'latin1').toString('hex', 4)}`);
    truncateSync(log, 0);
  }

  /** Size of the WAL file in bytes. */
  get logBytes(): number {
    return this.#logHandle === undefined ? 0 : fstatSync(this.#logHandle).size;
  }

  /** Must be called after the database was closed. */
  close(): void {
    if (this.#logHandle !== undefined) closeSync(this.#logHandle);
    this.#logHandle = undefined;
  }

  #write(): void {
    this.#next = following(this.#generation);
    this.#writer.pragma(`user_version = ${String(this.#next)}`);
  }

  #current(): number {
    return this.#read.get() ?? 0;
  }

  #currentLog(): string {
    this.#logHandle ??= openSync(`${this.#file}-wal`, 'r');
    return logIdentity(this.#logHandle);
  }
}

/**
 * Returns the generation that follows `generation`. Generations are below 2^31 and never 0, because a database without
 * a generation has the `user_version` 0.
 */
function following(generation: number): number {
  return generation >= 0x7fffffff ? 1 : generation + 1;
}

function preceding(generation: number): number {
  return generation === 1 ? 0x7fffffff : generation - 1;
}

/** Returns a random generation, so that copies of a database have different generations. */
export function newGeneration(random: RandomBytes = pooledRandomBytes()): number {
  return (Buffer.from(random(4)).readUInt32BE() & 0x3fffffff) + 1;
}

import { closeSync, copyFileSync, fstatSync, openSync, statSync, truncateSync } from 'node:fs';
import { AppError } from '@proofhouse/core';
import type Database from 'better-sqlite3';
import { pooledRandomBytes, type RandomBytes } from '../../../../kernel/ids.ts';
import { logIdentity, storedGeneration } from './log/write-ahead-log.ts';

interface Watched {
  readonly place: string;
  readonly what: string;
  readonly dev: number;
  readonly ino: number;
}

/**
 * Holds a running engine to the files that it opened. Before each commit, inside its transaction, it looks that the database,
 * its lock, its log and its index are still the same inodes, and that the generation is the one that this engine wrote.
 *
 * The generation is the `user_version` of the database: one more at each start and each time the log begins anew, so that
 * a second server that got past the lock takes over in one commit, a file that was overwritten in place is seen, and a log is known
 * by its first pages to belong to its database. docs/decisions/0014 says why it is not a file lock.
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
  /** What the file itself held when the engine started, until the log begins anew. */
  #storedAtStart: number | undefined;

  /**
   * The writer has a transaction open, in which the first generation is written. `handle` reads the database file and must
   * stay open as long as the database: closing any descriptor of a file releases the locks of the process on it.
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

  /** Why nothing can be read or written any more, until a restart. */
  get lost(): AppError | undefined {
    return this.#lost;
  }

  /** Errors: `unavailable`. */
  requireSameFiles(): void {
    for (const { place, what, dev, ino } of this.#watched) {
      const found = statSync(place, { throwIfNoEntry: false });
      if (found?.dev === dev && found.ino === ino) continue;
      const message = `The ${what} was removed or replaced while the database is in use; restart the server.`;
      throw new AppError('unavailable', message);
    }
    const stored = storedGeneration(this.#handle);
    // The log may still hold the newest one.
    if (stored === this.#generation || stored === preceding(this.#generation) || stored === this.#storedAtStart) return;
    this.#overwritten = true;
    this.#lost = new AppError(
      'unavailable',
      'The database file was overwritten while it is in use; stop the server and restore a backup.',
    );
    throw this.#lost;
  }

  /** Inside the transaction, before anything else is read or written in it. Errors: `unavailable`. */
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

  /** After the transaction. */
  end(committed: boolean): void {
    if (committed && this.#next !== undefined) {
      this.#generation = this.#next;
      if (this.#logIdentity !== '') this.#storedAtStart = undefined;
      this.#logIdentity = this.#currentLog();
    }
    this.#next = undefined;
  }

  /**
   * Before the database is closed. SQLite writes the log back when the last connection closes; its pages would damage a file that
   * was overwritten, so the log is set aside first.
   */
  beforeClose(): void {
    if (!this.#overwritten) return;
    const log = `${this.#file}-wal`;
    copyFileSync(log, `${log}.set-aside-${Buffer.from(this.#logIdentity, 'latin1').toString('hex', 4)}`);
    truncateSync(log, 0);
  }

  /** Bytes of the log's file. */
  get logBytes(): number {
    return this.#logHandle === undefined ? 0 : fstatSync(this.#logHandle).size;
  }

  /** After the database was closed. */
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

/** Generations are below 2^31 and never 0, which is the `user_version` of a database without one. */
function following(generation: number): number {
  return generation >= 0x7fffffff ? 1 : generation + 1;
}

function preceding(generation: number): number {
  return generation === 1 ? 0x7fffffff : generation - 1;
}

/** A generation that no other copy of a database has. */
export function newGeneration(random: RandomBytes = pooledRandomBytes()): number {
  return (Buffer.from(random(4)).readUInt32BE() & 0x3fffffff) + 1;
}

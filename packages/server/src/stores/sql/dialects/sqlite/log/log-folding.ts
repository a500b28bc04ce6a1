import { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { threadScript } from '../../../../../kernel/thread-pool.ts';

/** Pages in the log from which SQLite writes it back into the file at the end of a commit: 16 MiB. */
const automaticPages = 4000;

/** Where the log is larger, a thread writes it back: 64 MiB, to which SQLite cuts the file when the log begins anew. */
export const largeLogBytes = 64 * 1024 * 1024;

/** By how much a log that was written back grows before it is written back again. */
const growthBytes = 16 * 1024 * 1024;

/** Writes a log back until all of it is in the database file; a reader of an old state makes it wait. */
export interface Folding {
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Keeps a large log from stopping the event loop. The log grows while another program reads the database for long, because nothing
 * that it still needs may be written over. SQLite would then write all of it back inside one commit (243 MiB took 3.6 s).
 */
export class LogFolding {
  readonly #file: string;
  readonly #writer: Database.Database;
  readonly #onNotice: (notice: string) => void;
  readonly #start: (file: string) => Folding;
  #folding: Folding | undefined;
  /** The file keeps its size until the next commit that writes: up to here it is not looked at again. */
  #writtenBack = 0;

  constructor(
    file: string,
    writer: Database.Database,
    onNotice: (notice: string) => void,
    start: (file: string) => Folding = startThread,
  ) {
    this.#file = file;
    this.#writer = writer;
    this.#onNotice = onNotice;
    this.#start = start;
    this.#automatic(automaticPages);
  }

  /** After a commit. */
  committed(logBytes: number): void {
    if (logBytes <= largeLogBytes) this.#writtenBack = 0;
    if (logBytes <= Math.max(largeLogBytes, this.#writtenBack) || this.#folding !== undefined) return;
    this.#automatic(0);
    this.#onNotice(
      `The log ${this.#file}-wal has grown above ${String(largeLogBytes / 1024 ** 2)} MiB: another program reads the database for long ` +
        '(a backup or sqlite3, for example). It shrinks when that program ends.',
    );
    const folding = this.#start(this.#file);
    this.#folding = folding;
    void folding.done.finally(() => {
      this.#folding = undefined;
      this.#writtenBack = logBytes + growthBytes;
      if (this.#writer.open) this.#automatic(automaticPages);
    });
  }

  /** Before the database is closed. */
  async close(): Promise<void> {
    await this.#folding?.stop();
  }

  #automatic(pages: number): void {
    this.#writer.pragma(`wal_autocheckpoint = ${String(pages)}`);
  }
}

function startThread(file: string): Folding {
  const thread = new Worker(threadScript(import.meta, 'fold-log-thread'), { workerData: { file } });
  thread.unref();
  // Only tidies: a failure leaves the log to SQLite's automatic checkpoint.
  thread.on('error', () => undefined);
  return {
    done: new Promise((resolve) => {
      thread.once('exit', () => {
        resolve();
      });
    }),
    stop: async () => {
      await thread.terminate();
    },
  };
}

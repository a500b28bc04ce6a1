import { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { threadScript } from '../../../../../kernel/thread-pool.ts';

/** SQLite itself runs a checkpoint at the end of a commit if the WAL has at least this number of pages (16 MiB). */
const automaticPages = 4000;

/**
 * Size of the WAL in bytes above which a thread runs the checkpoint instead of SQLite. It is 64 MiB, which is also the
 * `journal_size_limit` of the database.
 */
export const largeLogBytes = 64 * 1024 * 1024;

/** A thread runs the next checkpoint when the WAL has grown by this number of bytes since the last one. */
const growthBytes = 16 * 1024 * 1024;

/**
 * A series of checkpoints that ends when the whole WAL has been copied to the database file. While a reader uses an
 * older snapshot, a checkpoint cannot copy everything.
 */
export interface RunningCheckpoint {
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Moves the checkpoint of a large WAL from the event loop to a thread. The WAL grows while another program holds a
 * snapshot, because SQLite must not overwrite pages of that snapshot. Without this class, SQLite would later checkpoint
 * the whole WAL inside one commit (243 MiB took 3.6 s).
 */
export class WalCheckpoints {
  readonly #file: string;
  readonly #writer: Database.Database;
  readonly #onNotice: (notice: string) => void;
  readonly #start: (file: string) => RunningCheckpoint;
  #running: RunningCheckpoint | undefined;
  /**
   * Size of the WAL in bytes up to which no further checkpoint starts. It is needed because the WAL file keeps its size
   * after a checkpoint until the next commit.
   */
  #checkpointedBytes = 0;

  constructor(
    file: string,
    writer: Database.Database,
    onNotice: (notice: string) => void,
    start: (file: string) => RunningCheckpoint = startThread,
  ) {
    this.#file = file;
    this.#writer = writer;
    this.#onNotice = onNotice;
    this.#start = start;
    this.#automatic(automaticPages);
  }

  /** Must be called after each commit. `logBytes` is the size of the WAL. */
  committed(logBytes: number): void {
    if (logBytes <= largeLogBytes) this.#checkpointedBytes = 0;
    if (logBytes <= Math.max(largeLogBytes, this.#checkpointedBytes) || this.#running !== undefined) return;
    this.#automatic(0);
    this.#onNotice(
      `The log ${this.#file}-wal has grown above ${String(largeLogBytes / 1024 ** 2)} MiB: another program reads the database for long ` +
        '(a backup or sqlite3, for example). It shrinks when that program ends.',
    );
    const running = this.#start(this.#file);
    this.#running = running;
    void running.done.finally(() => {
      this.#running = undefined;
      this.#checkpointedBytes = logBytes + growthBytes;
      if (this.#writer.open) this.#automatic(automaticPages);
    });
  }

  /** Must be called before the database is closed. */
  async close(): Promise<void> {
    await this.#running?.stop();
  }

  #automatic(pages: number): void {
    this.#writer.pragma(`wal_autocheckpoint = ${String(pages)}`);
  }
}

function startThread(file: string): RunningCheckpoint {
  const thread = new Worker(threadScript(import.meta, 'checkpoint-thread'), { workerData: { file } });
  thread.unref();
  // A failure of the thread is ignored, because SQLite then runs its automatic checkpoint again.
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

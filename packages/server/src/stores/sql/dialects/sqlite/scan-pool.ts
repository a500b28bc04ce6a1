import { AppError } from '@proofhouse/core';
import { ThreadPool, threadScript, type Ask } from '../../../../kernel/thread-pool.ts';
import type { Clock } from '../../../../kernel/time/clock.ts';
import type { Step, StepResult, VerbFactory } from '../../engine/verb.ts';
import { busyWithinMs } from './busy-retry.ts';
import { sqliteSyntax } from './sqlite-syntax.ts';

export interface ScanThreadData {
  readonly file: string;
  readonly busyTimeoutMs: number;
  readonly cacheKib: number;
}

/** A statement to run, or `more` to request the next rows of the previous statement. */
export type ScanRequest = { readonly sql: string; readonly values: readonly unknown[] } | 'more';

export interface ScanChunk {
  readonly rows: readonly object[];
  readonly more: boolean;
}

/**
 * Largest duration of a scan in ms. After this time, the next statement of the scan fails. The limit exists because an
 * open snapshot prevents a complete checkpoint of the WAL.
 */
export const scanWithinMs = 30_000;

/**
 * Two threads, so that one long scan does not stop all others. More threads would compete with the event loop for the
 * processors.
 */
const mostThreads = 2;
const cacheKib = 16 * 1024;

export interface ScanPoolParts {
  readonly file: string;
  readonly clock: Clock;
  /** Called before a thread opens the file. Throws `unavailable` if the files of the database were replaced. */
  readonly requireSameFiles: () => void;
}

/**
 * Runs the statements of scans in threads with read-only connections, so that they do not block the event loop. All
 * statements of one verb see one snapshot. The verb itself runs on the event loop, because a generator cannot run in
 * another thread. It continues with each answer of the thread.
 */
export class ScanPool {
  readonly #threads: ThreadPool;
  readonly #clock: Clock;

  constructor({ file, clock, requireSameFiles }: ScanPoolParts) {
    this.#clock = clock;
    // A thread does not block the event loop, so it may sleep inside SQLite while another program holds a lock. Its
    // connection therefore has a busy timeout.
    const workerData: ScanThreadData = { file, busyTimeoutMs: busyWithinMs, cacheKib };
    const script = threadScript(import.meta, 'scan-thread');
    this.#threads = new ThreadPool({
      script,
      workerData,
      mostThreads,
      subject: 'database',
      clock,
      beforeStart: requireSameFiles,
    });
  }

  /**
   * Runs a verb as a scan. Throws `unavailable` if the scan took longer than `scanWithinMs`, if the thread ended, or if
   * the pool is closed. Also throws the errors of SQLite.
   */
  run<Result>(factory: VerbFactory<Result>): Promise<Result> {
    return this.#threads.run(async (ask) => {
      const deadline = this.#clock.monotonic() + scanWithinMs;
      const verb = factory();
      let turn = verb.next();
      while (turn.done !== true) {
        turn = verb.next(await this.#answer(ask, turn.value, deadline));
      }
      return turn.value;
    });
  }

  /** Resolves when all connections are closed. */
  close(): Promise<void> {
    return this.#threads.close();
  }

  async #answer(ask: Ask, step: Step, deadline: number): Promise<StepResult> {
    const compiled = step.statement.compiled(sqliteSyntax);
    const rows: object[] = [];
    let request: ScanRequest = { sql: compiled.sql, values: compiled.arguments(step.params) };
    for (;;) {
      if (this.#clock.monotonic() > deadline) throw tookTooLong();
      const chunk = (await ask(request)) as ScanChunk;
      rows.push(...chunk.rows);
      if (!chunk.more) return { rows, changes: rows.length };
      request = 'more';
    }
  }
}

function tookTooLong(): AppError {
  const seconds = String(scanWithinMs / 1000);
  return new AppError('unavailable', `A read of many rows took longer than ${seconds} s; try again, or ask for less.`);
}

import type Database from 'better-sqlite3';
import { Undo, type VerbFactory } from '../../engine/verb.ts';
import type { Delay } from '../../../../kernel/time/delay.ts';
import { BusyBackoff, isBusy } from './busy-retry.ts';
import type { SqliteConnection } from './sqlite-connection.ts';

interface Waiting {
  readonly verb: VerbFactory<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** How often the file was found locked by another program while this verb waited. */
  refusals: number;
}

/** What belongs to each transaction of a database in a file. */
export interface AroundTransaction {
  /** First in the transaction; what it throws undoes and rejects all verbs of the flush. */
  begin(): void;
  end(committed: boolean): void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Verbs in one commit at most: a commit must not hold up the event loop. */
const mostInFlush = 128;

/**
 * Writes of the same moment share one commit, and so one fsync. Each verb runs to its end in a
 * savepoint of its own, strictly after the one before; a verb that throws undoes only itself. Promises
 * settle after the commit, and all are rejected when it fails.
 *
 * While another program holds the write lock, verbs wait in the queue and the event loop stays free: the flush is tried
 * again by timer. After `busyWithinMs` they are rejected with `SQLITE_BUSY`; verbs that come while the same lock is
 * still held are rejected at their second attempt, so that a long lock delays each caller only once.
 */
export class WriteQueue {
  readonly #connection: SqliteConnection;
  readonly #database: Database.Database;
  readonly #commands: Record<'begin' | 'commit' | 'rollback' | 'save' | 'keep' | 'undo', Database.Statement>;
  readonly #delay: Delay;
  readonly #around: AroundTransaction | undefined;
  #waiting: Waiting[] = [];
  #scheduled = false;
  /** While another program holds the lock. */
  #blocked: BusyBackoff | undefined;
  #idle: (() => void)[] = [];

  constructor(connection: SqliteConnection, delay: Delay, around?: AroundTransaction) {
    this.#connection = connection;
    this.#around = around;
    this.#delay = delay;
    this.#database = connection.database;
    const command = (text: string) => this.#database.prepare(text);
    this.#commands = {
      begin: command('begin immediate'),
      commit: command('commit'),
      rollback: command('rollback'),
      save: command('savepoint verb'),
      keep: command('release verb'),
      undo: command('rollback to verb'),
    };
  }

  run<Result>(verb: VerbFactory<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ verb, resolve: resolve as (value: unknown) => void, reject, refusals: 0 });
      this.#schedule();
    });
  }

  /** Settles when everything that waits is committed or rejected. */
  async drain(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
    });
  }

  #schedule(refused?: BusyBackoff): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (refused === undefined) setImmediate(() => this.#attempt());
    else void this.#delay(refused.next()).then(() => this.#attempt());
  }

  #attempt(): void {
    this.#scheduled = false;
    this.#flush();
    if (this.#waiting.length > 0) this.#schedule(this.#blocked);
    else for (const idle of this.#idle.splice(0)) idle();
  }

  #flush(): void {
    const batch = this.#waiting.splice(0, mostInFlush);
    if (batch.length === 0) return;
    const outcomes: Outcome[] = [];
    try {
      this.#commands.begin.run();
      this.#around?.begin();
      for (const { verb } of batch) outcomes.push(this.#runInSavepoint(verb));
      this.#commands.commit.run();
    } catch (error) {
      this.#rollback();
      this.#around?.end(false);
      if (isBusy(error)) this.#refused(batch, error);
      else for (const { reject } of batch) reject(error);
      return;
    }
    this.#around?.end(true);
    this.#blocked = undefined;
    for (const [index, outcome] of outcomes.entries()) {
      if ('error' in outcome) batch[index]?.reject(outcome.error);
      else batch[index]?.resolve(outcome.value);
    }
  }

  /** Nothing of the batch was committed: it goes back to the head of the queue, in order. */
  #refused(batch: Waiting[], error: unknown): void {
    const blocked = (this.#blocked ??= new BusyBackoff());
    const all = [...batch, ...this.#waiting];
    this.#waiting = [];
    for (const waiting of all) {
      waiting.refusals += 1;
      if (blocked.expired && waiting.refusals > 1) waiting.reject(error);
      else this.#waiting.push(waiting);
    }
  }

  // SQLite ends the whole transaction by itself after some errors (a full disk, say): then no
  // savepoint is left to go back to, what the verbs before had written is gone too, and all must fail.
  #runInSavepoint(verb: VerbFactory<unknown>): Outcome {
    this.#commands.save.run();
    try {
      const value = this.#connection.drive(verb);
      this.#commands.keep.run();
      return { value };
    } catch (error) {
      if (!this.#database.inTransaction || isBusy(error)) throw error;
      this.#commands.undo.run();
      this.#commands.keep.run();
      return error instanceof Undo ? { value: error.value } : { error };
    }
  }

  #rollback(): void {
    if (!this.#database.inTransaction) return;
    try {
      this.#commands.rollback.run();
    } catch {
      // The next begin says what is wrong with the file.
    }
  }
}

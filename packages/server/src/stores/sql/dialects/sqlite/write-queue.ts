import type Database from 'better-sqlite3';
import { Undo, type VerbFactory } from '../../engine/verb.ts';
import type { Delay } from '../../../../kernel/time/delay.ts';
import { BusyBackoff, isBusy } from './busy-retry.ts';
import type { SqliteConnection } from './sqlite-connection.ts';

interface Waiting {
  readonly verb: VerbFactory<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Number of flushes of this verb that failed because another program held the lock. */
  refusals: number;
}

/** Functions that are called at the beginning and at the end of each transaction. */
export interface AroundTransaction {
  /**
   * Called first in the transaction. If it throws, the transaction is rolled back and all verbs of the flush are
   * rejected.
   */
  begin(): void;
  end(committed: boolean): void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Largest number of verbs in one commit. A larger commit would block the event loop for too long. */
const mostInFlush = 128;

/**
 * Flushes concurrent writes in one commit, so that they share one fsync. Verbs run one after another, each in a
 * savepoint. So a verb that throws rolls back only its own writes. The promises of the verbs settle after the commit.
 * If the commit fails, all of them are rejected.
 *
 * While another program holds the write lock, verbs wait in the queue and a timer retries the flush. The event loop is
 * not blocked. After `busyWithinMs` the waiting verbs are rejected with `SQLITE_BUSY`. If the lock is then still held,
 * a verb that arrives later is rejected at its second flush.
 */
export class WriteQueue {
  readonly #connection: SqliteConnection;
  readonly #database: Database.Database;
  readonly #commands: Record<'begin' | 'commit' | 'rollback' | 'save' | 'keep' | 'undo', Database.Statement>;
  readonly #delay: Delay;
  readonly #around: AroundTransaction | undefined;
  #waiting: Waiting[] = [];
  #scheduled = false;
  /** The back-off of the retries. Undefined if no other program holds the lock. */
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

  /** Resolves when all queued verbs are committed or rejected. */
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

  /**
   * Returns the verbs of a batch that was rolled back to the head of the queue, in their order. Rejects each verb that
   * has waited too long for the lock.
   */
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

  // Runs a verb in a savepoint. After some errors, such as a full disk, SQLite rolls back the whole transaction. The
  // writes of the earlier verbs are then lost too, so all verbs of the batch must fail.
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
      // A failed rollback is ignored. If the file is damaged, the next `begin` fails and reports it.
    }
  }
}

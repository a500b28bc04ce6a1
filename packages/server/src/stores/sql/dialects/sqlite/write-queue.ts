import type Database from 'better-sqlite3';
import { Undo, type VerbFactory } from '../../verb.ts';
import type { SqliteConnection } from './sqlite-connection.ts';

interface Waiting {
  readonly verb: VerbFactory<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Verbs in one commit at most: a commit must not hold up the event loop. */
const mostInFlush = 128;

/**
 * Writes of the same moment share one commit, and so one fsync. Each verb runs to its end in a
 * savepoint of its own, strictly after the one before; a verb that throws undoes only itself. Promises
 * settle after the commit, and all are rejected when it fails.
 */
export class WriteQueue {
  readonly #connection: SqliteConnection;
  readonly #database: Database.Database;
  readonly #commands: Record<'begin' | 'commit' | 'rollback' | 'save' | 'keep' | 'undo', Database.Statement>;
  #waiting: Waiting[] = [];
  #scheduled = false;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
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
      this.#waiting.push({ verb, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Commits everything that waits, now. */
  drain(): void {
    while (this.#waiting.length > 0) this.#flush();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #flush(): void {
    const batch = this.#waiting.splice(0, mostInFlush);
    if (batch.length === 0) return;
    const outcomes: Outcome[] = [];
    try {
      this.#commands.begin.run();
      for (const { verb } of batch) outcomes.push(this.#runInSavepoint(verb));
      this.#commands.commit.run();
    } catch (error) {
      this.#rollback();
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const [index, outcome] of outcomes.entries()) {
      if ('error' in outcome) batch[index]?.reject(outcome.error);
      else batch[index]?.resolve(outcome.value);
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
      if (!this.#database.inTransaction) throw error;
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

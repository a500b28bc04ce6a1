import type Database from 'better-sqlite3';
import type { CompiledStatement } from '../../engine/statement.ts';
import type { Step, StepResult, VerbFactory } from '../../engine/verb.ts';
import { sqliteSyntax } from './sqlite-syntax.ts';

/** A connection to an SQLite database, with a cache of the statements that are prepared on it. */
export class SqliteConnection {
  readonly database: Database.Database;
  readonly #prepared = new Map<CompiledStatement, Database.Statement>();

  constructor(database: Database.Database) {
    this.database = database;
  }

  /** Runs a verb synchronously and returns its result. */
  drive<Result>(factory: VerbFactory<Result>): Result {
    const verb = factory();
    let turn = verb.next();
    while (turn.done !== true) turn = verb.next(this.#run(turn.value));
    return turn.value;
  }

  #run(step: Step): StepResult {
    const compiled = step.statement.compiled(sqliteSyntax);
    const prepared = this.#prepare(compiled);
    const values = compiled.arguments(step.params);
    if (prepared.reader) {
      const rows = prepared.all(...values);
      return { rows, changes: rows.length };
    }
    return { rows: [], changes: prepared.run(...values).changes };
  }

  #prepare(compiled: CompiledStatement): Database.Statement {
    const known = this.#prepared.get(compiled);
    if (known !== undefined) return known;
    const prepared = this.database.prepare(compiled.sql);
    this.#prepared.set(compiled, prepared);
    return prepared;
  }
}

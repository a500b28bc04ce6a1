import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { Statement } from './statement.ts';

/**
 * A generator that yields SQL statements and receives their results. A verb that writes is one transaction. SQLite runs
 * a verb synchronously, so no other code runs inside its transaction. Postgres awaits each result. A verb must not
 * catch errors of statements, because a failed statement has already aborted the transaction.
 */
export type Verb<Result> = Generator<Step, Result, StepResult>;

export interface Step {
  readonly statement: Statement<never, unknown>;
  readonly params: object;
  /**
   * True if the verb does not use the result. An engine over a network then sends the next statement without waiting
   * for the result. If the statement fails, the verb fails at a later statement or at its end.
   */
  readonly unanswered: boolean;
}

export interface StepResult {
  readonly rows: readonly unknown[];
  /** The number of rows that were inserted, updated or deleted. */
  readonly changes: number;
}

/** Returns a new run of a verb. The engine calls this function again for each retry. */
export type VerbFactory<Result> = () => Verb<Result>;

/** Returns a new run of a verb that writes; see `VerbFactory`. The verb must use `time` as the current time. */
export type WriteFactory<Result> = (time: StoreTime) => Verb<Result>;

export function* rows<Params extends object, Row>(statement: Statement<Params, Row>, params: Params): Verb<Row[]> {
  const answer = yield { statement, params, unanswered: false };
  return statement.rowsOf(answer.rows);
}

export function* first<Params extends object, Row>(
  statement: Statement<Params, Row>,
  params: Params,
): Verb<Row | undefined> {
  const answer = yield { statement, params, unanswered: false };
  return statement.rowsOf(answer.rows)[0];
}

/** Runs a statement and returns the number of rows that it changed. */
export function* run<Params extends object>(statement: Statement<Params, unknown>, params: Params): Verb<number> {
  const answer = yield { statement, params, unanswered: false };
  return answer.changes;
}

/** Runs a write whose result is not used. */
export function* put<Params extends object>(statement: Statement<Params, unknown>, params: Params): Verb<void> {
  yield { statement, params, unanswered: true };
}

/** A verb throws this error to roll back its writes. The caller of the engine then receives `value` as the result. */
export class Undo extends Error {
  readonly value: unknown;

  constructor(value: unknown) {
    super('A verb undid its writes.');
    this.value = value;
  }
}

import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { Statement } from './statement.ts';

/**
 * A verb is a generator that yields statements and receives their results. SQLite runs it synchronously, so no other code
 * runs inside its transaction; Postgres awaits each result. A verb must not catch errors of statements: the transaction is
 * already aborted then.
 */
export type Verb<Result> = Generator<Step, Result, StepResult>;

export interface Step {
  readonly statement: Statement<never, unknown>;
  readonly params: object;
  /**
   * The verb does not use the result, so an engine over a network sends the next step without awaiting it. A failure of
   * this step still fails the verb.
   */
  readonly unanswered: boolean;
}

export interface StepResult {
  readonly rows: readonly unknown[];
  /** The number of rows that were inserted, updated or deleted. */
  readonly changes: number;
}

/** Creates a verb; the engine calls it again for each retry. */
export type VerbFactory<Result> = () => Verb<Result>;

/** As `VerbFactory`, for a verb that writes; `time` is the time that it decides by. */
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

/** Returns the number of changed rows. */
export function* run<Params extends object>(statement: Statement<Params, unknown>, params: Params): Verb<number> {
  const answer = yield { statement, params, unanswered: false };
  return answer.changes;
}

/** A write whose result is not used. */
export function* put<Params extends object>(statement: Statement<Params, unknown>, params: Params): Verb<void> {
  yield { statement, params, unanswered: true };
}

/** Thrown by a verb to roll its writes back; the caller of the engine receives the value as the result. */
export class Undo extends Error {
  readonly value: unknown;

  constructor(value: unknown) {
    super('A verb undid its writes.');
    this.value = value;
  }
}

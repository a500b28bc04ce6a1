import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { Statement } from './statement.ts';

/**
 * A verb is a generator that yields statements and is given their answers. SQLite drives it without
 * ever giving up the thread, so nothing foreign can run inside a transaction; Postgres awaits each
 * answer. A verb must not catch what a statement throws: the transaction is lost by then.
 */
export type Verb<Result> = Generator<Step, Result, StepResult>;

export interface Step {
  readonly statement: Statement<never, unknown>;
  readonly params: object;
  /**
   * Nobody looks at the answer: an engine across a network need not wait for it before the next
   * step. It still fails the verb when it fails.
   */
  readonly unanswered: boolean;
}

export interface StepResult {
  readonly rows: readonly unknown[];
  /** How many rows were changed. */
  readonly changes: number;
}

/** Makes a verb; it is called again when the engine asks for another try. */
export type VerbFactory<Result> = () => Verb<Result>;

/** The same for a verb that writes, at the time by which it decides. */
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

/** How many rows it changed. */
export function* run<Params extends object>(statement: Statement<Params, unknown>, params: Params): Verb<number> {
  const answer = yield { statement, params, unanswered: false };
  return answer.changes;
}

/** A write whose answer does not matter. */
export function* put<Params extends object>(statement: Statement<Params, unknown>, params: Params): Verb<void> {
  yield { statement, params, unanswered: true };
}

/** Thrown by a verb that wants nothing of what it wrote: it is undone, and the caller is given the value. */
export class Undo extends Error {
  readonly value: unknown;

  constructor(value: unknown) {
    super('A verb undid its writes.');
    this.value = value;
  }
}

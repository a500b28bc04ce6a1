import type { PoolClient, QueryResult } from 'pg';
import type { StoreTime } from '../../../../kernel/time/store-time.ts';
import { Undo, type Step, type StepResult, type VerbFactory, type WriteFactory } from '../../engine/verb.ts';
import { WrongTime, type DatabaseTime } from './database-time.ts';
import { postgresSyntax } from './postgres-syntax.ts';

type Query = Promise<QueryResult<object>>;

const nothing: StepResult = { rows: [], changes: 0 };

/**
 * Runs one verb in one transaction. Statements are sent without waiting for the previous answer where this is possible.
 * `begin` and the check of the time are sent with the first statement. Statements whose results are not used are sent
 * with `commit`. Most verbs therefore take two or three round trips. After a failed statement, Postgres executes
 * `commit` as a rollback.
 */
export async function runInTransaction<Result>(
  client: PoolClient,
  factory: WriteFactory<Result>,
  time: DatabaseTime,
): Promise<Result> {
  const assumed = time.assume();
  try {
    if (assumed !== undefined) return await runAt(client, factory, time, assumed);
  } catch (error) {
    if (!(error instanceof WrongTime)) throw error;
  }
  return await runAt(client, factory, time, undefined);
}

/**
 * Runs the verb at the time `assumed`. The database compares this time with its clock, and aborts the transaction if
 * the time is wrong. If `assumed` is undefined, the transaction first reads the database's time, which takes one more
 * round trip.
 */
async function runAt<Result>(
  client: PoolClient,
  factory: WriteFactory<Result>,
  time: DatabaseTime,
  assumed: StoreTime | undefined,
): Promise<Result> {
  const sent: Promise<unknown>[] = [send(client, 'begin isolation level read committed')];
  try {
    if (assumed !== undefined) sent.push(quiet(time.check(client, assumed)));
    const at = assumed ?? (await time.ask(client));
    const result = await drive(client, () => factory(at), sent);
    sent.push(send(client, 'commit'));
    await Promise.all(sent);
    return result;
  } catch (error) {
    sent.push(send(client, 'rollback'));
    const first = (await Promise.allSettled(sent)).find((answer) => answer.status === 'rejected');
    if (error instanceof Undo && first === undefined) return error.value as Result;
    throw first === undefined ? error : first.reason;
  }
}

/** Runs a verb that only reads. Each statement sees the rows that are committed when the statement runs. */
export function runReads<Result>(client: PoolClient, factory: VerbFactory<Result>): Promise<Result> {
  return drive(client, factory, []);
}

/**
 * Runs a verb that only reads. All its statements see one snapshot. After an error the caller must not use the
 * connection again.
 */
export async function runInSnapshot<Result>(client: PoolClient, factory: VerbFactory<Result>): Promise<Result> {
  const sent: Promise<unknown>[] = [send(client, 'begin isolation level repeatable read read only')];
  const result = await drive(client, factory, sent);
  sent.push(send(client, 'commit'));
  await Promise.all(sent);
  return result;
}

async function drive<Result>(
  client: PoolClient,
  factory: VerbFactory<Result>,
  sent: Promise<unknown>[],
): Promise<Result> {
  const verb = factory();
  let turn = verb.next();
  while (turn.done !== true) {
    const answer = send(client, turn.value);
    if (turn.value.unanswered) sent.push(answer);
    turn = verb.next(turn.value.unanswered ? nothing : resultOf(await answer));
  }
  return turn.value;
}

function send(client: PoolClient, step: Step | string): Query {
  return quiet(typeof step === 'string' ? client.query(step) : client.query(prepared(step)));
}

/** Returns the same promise, but prevents a report of an unhandled rejection. The caller awaits the promise later. */
function quiet<Answer>(query: Promise<Answer>): Promise<Answer> {
  query.catch(() => undefined);
  return query;
}

function prepared(step: Step): { name: string; text: string; values: unknown[] } {
  const compiled = step.statement.compiled(postgresSyntax);
  return { name: compiled.name, text: compiled.sql, values: compiled.arguments(step.params) };
}

function resultOf(answer: QueryResult<object>): StepResult {
  return { rows: answer.rows, changes: answer.rowCount ?? 0 };
}

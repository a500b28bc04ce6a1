import type { PoolClient, QueryResult } from 'pg';
import { Undo, type Step, type StepResult, type VerbFactory } from '../../verb.ts';
import { postgresDialect } from './postgres-dialect.ts';

type Query = Promise<QueryResult<object>>;

const nothing: StepResult = { rows: [], changes: 0 };

/**
 * Drives one verb in one transaction. The connection is pipelined: `begin` travels with the first step,
 * and steps whose answers nobody looks at travel with `commit`, so that most verbs take two or three
 * round trips. After a step that failed, Postgres answers `commit` by rolling back.
 */
export async function runInTransaction<Result>(client: PoolClient, factory: VerbFactory<Result>): Promise<Result> {
  const sent: Query[] = [send(client, 'begin isolation level read committed')];
  try {
    const result = await drive(client, factory, sent);
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

/** Drives a verb that only reads; each statement sees what is committed when it runs. */
export function runReads<Result>(client: PoolClient, factory: VerbFactory<Result>): Promise<Result> {
  return drive(client, factory, []);
}

async function drive<Result>(client: PoolClient, factory: VerbFactory<Result>, sent: Query[]): Promise<Result> {
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
  const query: Query = typeof step === 'string' ? client.query(step) : client.query(prepared(step));
  // Whoever waits for it later sees the failure; until then it must not count as unhandled.
  query.catch(() => undefined);
  return query;
}

function prepared(step: Step): { name: string; text: string; values: unknown[] } {
  const compiled = step.statement.compiled(postgresDialect);
  return { name: compiled.name, text: compiled.sql, values: compiled.arguments(step.params) };
}

function resultOf(answer: QueryResult<object>): StepResult {
  return { rows: answer.rows, changes: answer.rowCount ?? 0 };
}

import type { ColumnDataType, RawBuilder, ReferenceExpression, SelectQueryBuilder, SqlBool, Expression } from 'kysely';
import type { RouteSet } from './job-routes.ts';
import type { JobUpdates } from './job-writes.ts';
import type { Foreseen, OutlookAndHeads } from './due-times.ts';
import type { Database, IdempotencyRow, JobEventRow, JobRow, Queries } from '../engine/schema.ts';
import type { Verb } from '../engine/verb.ts';

/** What one verb does at a time, among all servers: making due jobs ready; writing routes. */
export type Turn = 'promotion' | 'routes';

/** Where the engines' SQL differs. Everything else is written once. */
export interface SqlDialect {
  readonly kind: 'sqlite' | 'postgres';
  /** Builds and compiles; never runs anything. */
  readonly queries: Queries;
  readonly columns: ColumnTypes;

  /** Locks the rows that a query finds until the verb ends; `skip` leaves out what others hold. */
  locked<Tables extends keyof Database, Row>(
    query: SelectQueryBuilder<Database, Tables, Row>,
    others: 'wait' | 'skip',
  ): SelectQueryBuilder<Database, Tables, Row>;

  /** Whether the column is one of the texts in a JSON list (see `textList`). */
  among(column: ReferenceExpression<Database, keyof Database>, list: string): Expression<SqlBool>;

  /**
   * The first `count` ready jobs of these routes in the order of claiming, locked for this verb. Jobs that another
   * claimer has locked are passed over; fewer than `count` means there are no more.
   */
  readyHeads(routes: RouteSet, count: number): Verb<JobRow[]>;

  /** Looks ahead and, when all of that was foreseen, gives what `readyHeads` gives, of that moment or a later one. */
  outlookAndHeads(routes: RouteSet, count: number, known: Foreseen): Verb<OutlookAndHeads>;

  /**
   * Makes this verb the only one that does this, until it ends. While another one is at it, `wait` waits for its end and
   * `leave` gives false. Whoever has a turn never waits for rows, so nobody waits in a circle.
   */
  turn(of: Turn, others: 'wait' | 'leave'): Verb<boolean>;

  /** Sets columns of jobs that this verb holds, and adds events of theirs. */
  writeJobs(updates: JobUpdates, events: readonly JobEventRow[]): Verb<void>;
  insertEvents(events: readonly JobEventRow[]): Verb<void>;

  /** Takes those of these keys, in this order, that nobody has or that are past their time; gives their names (`nameOfKey`). */
  takeKeys(keys: readonly IdempotencyRow[], now: number): Verb<string[]>;
}

export interface ColumnTypes {
  /** Compared byte by byte, so that both engines order and find alike. */
  readonly text: ColumnDataType | RawBuilder<unknown>;
  readonly integer: ColumnDataType | RawBuilder<unknown>;
  /** What ends a `create table`. */
  readonly tableEnd: RawBuilder<unknown>;
  /** The same for a table that is kept in the order of its primary key, where the engine can. */
  readonly clusteredTableEnd: RawBuilder<unknown>;
  /** The same for a table whose rows change all the time. */
  readonly busyTableEnd: RawBuilder<unknown>;
}

/** What `among` takes. */
export function textList(texts: readonly string[]): string {
  return JSON.stringify(texts.map((text) => text.replaceAll('\0', '\uFFFD')));
}

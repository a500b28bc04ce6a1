import type { ColumnDataType, Expression, RawBuilder, ReferenceExpression, SelectQueryBuilder, SqlBool } from 'kysely';
import type { Placeholder } from './placeholder.ts';
import type { Database, Queries } from './schema.ts';

/**
 * The syntax of one database engine: everything that is needed to build and compile a statement. It has no connection
 * and runs nothing.
 */
export interface SqlSyntax {
  readonly kind: 'sqlite' | 'postgres';
  /** A query builder without a connection. */
  readonly queries: Queries;
  readonly columns: ColumnTypes;

  /**
   * The slot to which this connection adds. A usage counter has several rows (slots). Connections that commit at the
   * same time usually have different slots, so that they do not wait for the same row.
   */
  readonly usageSlot: RawBuilder<number>;

  /**
   * Locks the rows that a query returns until the transaction ends. Other transactions may have locked some of these
   * rows. `wait` then waits for their locks, and `skip` omits these rows.
   */
  locked<Tables extends keyof Database, Row>(
    query: SelectQueryBuilder<Database, Tables, Row>,
    others: 'wait' | 'skip',
  ): SelectQueryBuilder<Database, Tables, Row>;

  /**
   * Locks the rows that a query returns until the transaction ends. Other transactions can then neither delete these
   * rows nor lock them with `locked`. Several transactions can hold this lock on the same row.
   */
  shared<Tables extends keyof Database, Row>(
    query: SelectQueryBuilder<Database, Tables, Row>,
  ): SelectQueryBuilder<Database, Tables, Row>;

  /** Returns the SQL condition that `column` equals one of the texts of a JSON list (see `textList`). */
  among(column: ReferenceExpression<Database, keyof Database>, list: Placeholder<string>): Expression<SqlBool>;
}

/** Column types and table options for `create table`. */
export interface ColumnTypes {
  /** A text that is compared byte by byte, so that it sorts equally on both engines. */
  readonly text: ColumnDataType | RawBuilder<unknown>;
  readonly integer: ColumnDataType | RawBuilder<unknown>;
  /** Options at the end of a `create table` statement. */
  readonly tableEnd: RawBuilder<unknown>;
  /** Options of a table that is stored in the order of its primary key, if the engine supports this. */
  readonly clusteredTableEnd: RawBuilder<unknown>;
  /** Options of a table whose rows are updated often. */
  readonly busyTableEnd: RawBuilder<unknown>;
}

/**
 * Returns the parameter for `among`: a JSON list of texts. In each text, NUL is replaced, because the engines store
 * texts in this form.
 */
export function textList(texts: readonly string[]): string {
  return JSON.stringify(texts.map((text) => text.replaceAll('\0', '\uFFFD')));
}

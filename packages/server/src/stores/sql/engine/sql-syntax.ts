import type { ColumnDataType, Expression, RawBuilder, ReferenceExpression, SelectQueryBuilder, SqlBool } from 'kysely';
import type { Database, Queries } from './schema.ts';

/** The syntax of one engine: everything that is needed to build and compile a statement. It runs nothing. */
export interface SqlSyntax {
  readonly kind: 'sqlite' | 'postgres';
  /** A query builder without a connection. */
  readonly queries: Queries;
  readonly columns: ColumnTypes;

  /** The slot in which this connection counts usage. Connections that commit at the same time have different slots. */
  readonly usageSlot: RawBuilder<number>;

  /**
   * Locks the rows that a query returns until the transaction ends. `skip` omits rows that other transactions have
   * locked.
   */
  locked<Tables extends keyof Database, Row>(
    query: SelectQueryBuilder<Database, Tables, Row>,
    others: 'wait' | 'skip',
  ): SelectQueryBuilder<Database, Tables, Row>;

  /** SQL condition: the column is one of the texts of a JSON list (see `textList`). */
  among(column: ReferenceExpression<Database, keyof Database>, list: string): Expression<SqlBool>;
}

/** Column types and table options for `create table`. */
export interface ColumnTypes {
  /** Text that is compared byte by byte, so that both engines sort and compare alike. */
  readonly text: ColumnDataType | RawBuilder<unknown>;
  readonly integer: ColumnDataType | RawBuilder<unknown>;
  /** The options at the end of a `create table`. */
  readonly tableEnd: RawBuilder<unknown>;
  /** Options of a table that is stored in the order of its primary key, if the engine supports it. */
  readonly clusteredTableEnd: RawBuilder<unknown>;
  /** Options of a table whose rows are updated often. */
  readonly busyTableEnd: RawBuilder<unknown>;
}

/** The parameter of `among`: a JSON list of texts, each as the engines store it (without NUL). */
export function textList(texts: readonly string[]): string {
  return JSON.stringify(texts.map((text) => text.replaceAll('\0', '\uFFFD')));
}

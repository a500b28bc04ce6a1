import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';

export type Columns = Readonly<Record<string, 'text' | 'text?' | 'integer' | 'integer?'>>;

/** Creates a table. The type of a column ends with a question mark if the column may be null. */
export async function createTable(
  db: Kysely<unknown>,
  syntax: SqlSyntax,
  name: string,
  key: readonly string[],
  end: SqlSyntax['columns']['tableEnd'],
  columns: Columns,
): Promise<void> {
  let builder = db.schema.createTable(name);
  for (const [column, kind] of Object.entries(columns)) {
    const type = kind.startsWith('text') ? syntax.columns.text : syntax.columns.integer;
    builder = builder.addColumn(column, type as 'text', (of) => (kind.endsWith('?') ? of : of.notNull()));
  }
  await builder
    .addPrimaryKeyConstraint(`${name}_key`, [...key] as never[])
    .modifyEnd(end)
    .execute();
}

/**
 * Adds columns to a table that has rows. In existing rows, a new column is null, or 1 if its type is `integer = 1`.
 * Both engines store such a constant beside the table, so no row is rewritten.
 */
export async function addColumns(
  db: Kysely<unknown>,
  syntax: SqlSyntax,
  name: string,
  columns: Readonly<Record<string, 'text?' | 'integer?' | 'integer = 1'>>,
): Promise<void> {
  for (const [column, kind] of Object.entries(columns)) {
    const type = kind === 'text?' ? syntax.columns.text : syntax.columns.integer;
    await db.schema
      .alterTable(name)
      .addColumn(column, type as 'text', (of) => (kind === 'integer = 1' ? of.notNull().defaultTo(1) : of))
      .execute();
  }
}

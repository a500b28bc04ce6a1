import type { Kysely } from 'kysely';
import type { SqlDialect } from '../queue/queue-dialect.ts';

export type Columns = Readonly<Record<string, 'text' | 'text?' | 'integer' | 'integer?'>>;

/** A question mark allows null. */
export async function createTable(
  db: Kysely<unknown>,
  dialect: SqlDialect,
  name: string,
  key: readonly string[],
  end: SqlDialect['columns']['tableEnd'],
  columns: Columns,
): Promise<void> {
  let builder = db.schema.createTable(name);
  for (const [column, kind] of Object.entries(columns)) {
    const type = kind.startsWith('text') ? dialect.columns.text : dialect.columns.integer;
    builder = builder.addColumn(column, type as 'text', (of) => (kind.endsWith('?') ? of : of.notNull()));
  }
  await builder
    .addPrimaryKeyConstraint(`${name}_key`, [...key] as never[])
    .modifyEnd(end)
    .execute();
}

/** New columns of a table that has rows: they must allow null. */
export async function addColumns(
  db: Kysely<unknown>,
  dialect: SqlDialect,
  name: string,
  columns: Readonly<Record<string, 'text?' | 'integer?'>>,
): Promise<void> {
  for (const [column, kind] of Object.entries(columns)) {
    const type = kind === 'text?' ? dialect.columns.text : dialect.columns.integer;
    await db.schema
      .alterTable(name)
      .addColumn(column, type as 'text')
      .execute();
  }
}

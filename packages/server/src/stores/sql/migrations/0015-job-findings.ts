import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/** Adds the findings of the scanner of secrets to jobs. Artifacts have this column since 0011. */
export async function jobFindings(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { findings: 'text?' });
}

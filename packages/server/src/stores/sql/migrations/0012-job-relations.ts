import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * Adds to each job the task, bundle and manifest to which it belongs.
 *
 * The new columns follow `payload`, the last column of 0001, because another order would rewrite the table. This does
 * not make reads slower. SQLite reads a null from the header of the row, without overflow pages, and every statement
 * that reads these columns also reads the payload. The default is null, so neither engine rewrites rows.
 */
export async function jobRelations(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { task_id: 'text?', bundle_id: 'text?', manifest_name: 'text?' });
}

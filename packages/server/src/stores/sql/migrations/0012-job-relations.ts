import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * Adds the task, bundle and manifest to which a job belongs.
 *
 * The columns are after `payload`, the last column of 0001, because placing them before it would rewrite the table.
 * Their place does not slow down reads: SQLite decodes null from the header of a row without reading overflow pages,
 * and no statement reads these columns of a job without its payload. A default of null rewrites no rows on either
 * engine.
 */
export async function jobRelations(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { task_id: 'text?', bundle_id: 'text?', manifest_name: 'text?' });
}

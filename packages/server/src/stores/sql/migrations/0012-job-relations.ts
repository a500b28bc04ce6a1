import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * The task, bundle and manifest that a job belongs to.
 *
 * The columns stand after `payload`, the last column of 0001: placing them before it needs a rewrite of the table. That
 * costs reads nothing. SQLite decodes null from the header of a row without reading overflow pages, and no statement reads
 * these columns of a job without its payload. A default of null rewrites no rows on either engine.
 */
export async function jobRelations(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { task_id: 'text?', bundle_id: 'text?', manifest_name: 'text?' });
}

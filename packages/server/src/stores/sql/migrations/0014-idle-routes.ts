import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/** Adds to each route the time at which cleaning marked it as idle, because it had no unfinished job (decision 20). */
export async function idleRoutes(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'job_routes', { idle_since: 'integer?' });
}

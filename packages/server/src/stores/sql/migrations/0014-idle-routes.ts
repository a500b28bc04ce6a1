import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/** Adds the time at which cleaning found that a route has no unfinished job (decision 20). */
export async function idleRoutes(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'job_routes', { idle_since: 'integer?' });
}

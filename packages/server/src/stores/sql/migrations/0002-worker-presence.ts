import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { createTable } from './create-table.ts';

/** Creates the table of workers that claimed recently. */
export async function workerPresence(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await createTable(db, syntax, 'worker_presence', ['worker_id'], syntax.columns.busyTableEnd, {
    worker_id: 'text',
    last_seen_at: 'integer',
    capabilities: 'text',
    types: 'text?',
    repositories: 'text?',
    version: 'text?',
  });
  await sql.raw('create index worker_presence_newest on worker_presence (last_seen_at, worker_id)').execute(db);
}

import { sql, type Kysely } from 'kysely';
import type { SqlDialect } from '../queue/queue-dialect.ts';
import { createTable } from './create-table.ts';

/** Who asked for work lately. */
export async function workerPresence(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  await createTable(db, dialect, 'worker_presence', ['worker_id'], dialect.columns.busyTableEnd, {
    worker_id: 'text',
    last_seen_at: 'integer',
    capabilities: 'text',
    types: 'text?',
    repositories: 'text?',
    version: 'text?',
  });
  await sql.raw('create index worker_presence_newest on worker_presence (last_seen_at, worker_id)').execute(db);
}

import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { createTable } from './create-table.ts';

/**
 * Creates the history of artifacts. Existing artifacts get no entries, because earlier versions could not change a
 * status.
 */
export async function artifactHistory(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await createTable(db, syntax, 'artifact_history', ['id'], syntax.columns.tableEnd, {
    id: 'text',
    artifact_id: 'text',
    created_at: 'integer',
    actor: 'text',
    decision: 'text',
    from_status: 'text',
    to_status: 'text',
    digest: 'text?',
    note: 'text?',
    comments: 'text?',
  });
  await sql.raw('create index artifact_history_newest on artifact_history (artifact_id, created_at, id)').execute(db);
}

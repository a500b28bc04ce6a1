import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { createTable } from './create-table.ts';

/** Creates the audit log. It begins with this version: earlier calls have no entries. */
export async function audit(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await createTable(db, syntax, 'audit_entries', ['id'], syntax.columns.tableEnd, {
    id: 'text',
    created_at: 'integer',
    actor: 'text',
    broker: 'text?',
    operation: 'text',
    target: 'text?',
    outcome: 'text',
    remote: 'text?',
    detail: 'text',
  });
  await sql.raw('create index audit_entries_newest on audit_entries (created_at, id)').execute(db);
  await sql.raw('create index audit_entries_of_target on audit_entries (target, created_at, id)').execute(db);
}

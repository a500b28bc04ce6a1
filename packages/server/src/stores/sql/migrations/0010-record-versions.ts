import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * Adds versions to jobs, workers and groups, so that a commit can require an unchanged record. Adds the epoch of a
 * worker's registration tokens: issuing a new token raises the epoch, which revokes the older tokens. Adds the time at
 * which a group was hidden.
 */
export async function recordVersions(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { version: 'integer = 1' });
  await addColumns(db, syntax, 'workers', { version: 'integer = 1', registration_epoch: 'integer = 1' });
  await addColumns(db, syntax, 'credentials', { registration_epoch: 'integer?' });
  await addColumns(db, syntax, 'groups', { version: 'integer = 1', hidden_at: 'integer?' });
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  'update credentials set registration_epoch = 1 where experiment_id is not null',
  'create index credentials_registered on credentials (worker_id, id) where experiment_id is not null and revoked_at is null',
  'create index groups_hidden on groups (hidden_at, id) where hidden_at is not null',
];

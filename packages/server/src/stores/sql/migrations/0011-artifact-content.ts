import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';
import { inKeyRanges } from './in-key-ranges.ts';
import type { OnProgress } from './on-progress.ts';

/**
 * An artifact may now have a pointer instead of stored content. Also adds the columns for reviews, tasks, files and
 * facts of artifacts. Both engines change the table without copying rows. One scan checks the new constraint.
 */
export async function artifactContent(db: Kysely<unknown>, syntax: SqlSyntax, onProgress: OnProgress): Promise<void> {
  const run = (text: string): Promise<unknown> => sql.raw(text).execute(db);
  // SQLite checks all rows of a strict table after each new column. For a million artifacts, this takes 0.7 s.
  const isLarge = (await sql`select id from artifacts limit 1 offset 9999`.execute(db)).rows.length > 0;
  for (const column of ownedColumns) await run(`alter table artifacts alter column ${column} drop not null`);
  for (const [index, [column, kind]] of Object.entries(newColumns).entries()) {
    if (isLarge) onProgress(`columns of artifacts: ${String(index)} of ${String(Object.keys(newColumns).length)}`);
    await addColumns(db, syntax, 'artifacts', { [column]: kind });
  }
  await run(`alter table artifacts add constraint artifacts_content check (${contentRule})`);
  const isPostgres = syntax.kind === 'postgres';
  const text = isPostgres ? 'text collate "C"' : 'text';
  await run(`alter table artifacts add column produced_by ${text} not null default 'agent'`);
  // Sets `produced_by` in existing artifacts. Uploads of workers have the source type `assistant-output`. Deposits also
  // have this type, so for a deposit the creator shows whether the admin or a worker produced it.
  const artifacts = { table: 'artifacts', key: 'id', what: 'producers of artifacts', onProgress };
  await inKeyRanges(db, artifacts, (range) =>
    sql`update artifacts set produced_by = 'person'
      where ${range} and (source_type = 'manual-upload' or created_by = 'admin')`.execute(db),
  );
  // A server of an older version that still runs must not insert artifacts. It would not insert rows of `blob_owners`,
  // so collection would remove the bytes. Its inserts do not set this column, so they fail after the default is
  // dropped. SQLite cannot drop a default, but its database never has a second server.
  if (isPostgres) await run('alter table artifacts alter column produced_by drop default');
}

const ownedColumns = ['content_type', 'blob_key', 'blob_sha256', 'blob_size_bytes', 'blob_fingerprint'];

const newColumns = {
  pointer_uri: 'text?',
  pointer_checksum: 'text?',
  pointer_size_bytes: 'integer?',
  description: 'text?',
  assistant_job_id: 'text?',
  task_id: 'text?',
  bundle_id: 'text?',
  file_id: 'text?',
  reviewer: 'text?',
  reviewed_by: 'text?',
  reviewed_at: 'integer?',
  reviewed_digest: 'text?',
  review_note: 'text?',
  previous_digest: 'text?',
  findings: 'text?',
  facts: 'text?',
} as const;

const contentRule = `
  (pointer_uri is null and pointer_checksum is null and pointer_size_bytes is null and blob_key is not null
    and blob_sha256 is not null and blob_size_bytes is not null and blob_fingerprint is not null)
  or (pointer_uri is not null and blob_key is null and blob_sha256 is null and blob_size_bytes is null
    and blob_fingerprint is null)`;

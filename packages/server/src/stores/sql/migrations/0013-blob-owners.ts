import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { createTable } from './create-table.ts';
import { inKeyRanges } from './in-key-ranges.ts';
import type { OnProgress } from './on-progress.ts';

/**
 * Creates the table of blob owners for all record kinds, and the usage counters. Both are filled from the artifacts.
 * The artifacts are read in the order of their blob keys, so that new rows are always appended at the end of the table.
 */
export async function blobOwners(db: Kysely<unknown>, syntax: SqlSyntax, onProgress: OnProgress): Promise<void> {
  const { clusteredTableEnd, busyTableEnd } = syntax.columns;
  await createTable(db, syntax, 'blob_owners', ['key'], clusteredTableEnd, {
    key: 'text',
    kind: 'text',
    id: 'text',
    type: 'text',
    sha256: 'text',
    size_bytes: 'integer',
    state: 'text',
  });
  await createTable(db, syntax, 'storage_usage', ['kind', 'type', 'slot'], busyTableEnd, {
    kind: 'text',
    type: 'text',
    slot: 'integer',
    count: 'integer',
    size_bytes: 'integer',
  });
  // Counters are updated often. If the page of a row has free space, Postgres can update the row without changing the
  // index.
  if (syntax.kind === 'postgres') await sql`alter table storage_usage set (fillfactor = 20)`.execute(db);
  const artifacts = { table: 'artifacts', key: 'blob_key', what: 'owners of blobs', onProgress };
  await inKeyRanges(db, artifacts, (range) =>
    sql`
      insert into blob_owners (key, kind, id, type, sha256, size_bytes, state)
      select blob_key, 'artifact', id, type, blob_sha256, blob_size_bytes,
          case when purged_at is null then 'owned' else 'released' end
        from artifacts where ${range} order by blob_key`.execute(db),
  );
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  `insert into storage_usage (kind, type, slot, count, size_bytes)
    select kind, type, 0, count(*), sum(size_bytes) from blob_owners where state = 'owned' group by kind, type`,
  // These indexes are no longer needed. The primary key of `blob_owners` replaces the index on blob keys, and the usage
  // counters replace the index on types.
  'drop index artifacts_blob_key',
  'drop index artifacts_kept_by_type',
];

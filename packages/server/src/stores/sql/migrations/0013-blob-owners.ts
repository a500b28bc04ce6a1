import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { createTable } from './create-table.ts';
import type { OnProgress } from './on-progress.ts';

/**
 * The owner of each blob, whatever its kind, and counters of usage. Both tables are filled from the artifacts, in batches
 * along their index of blob keys, so that rows are appended in the order of the new table.
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
  await fill(db, onProgress);
  for (const text of texts) await sql.raw(text).execute(db);
}

const batchRows = 10_000;
/** Lines of progress at most. */
const mostLines = 20;

async function fill(db: Kysely<unknown>, onProgress: OnProgress): Promise<void> {
  // The driver of Postgres returns a bigint as a text.
  const counted = await sql<{ count: number | string }>`select count(*) as count from artifacts`.execute(db);
  const total = Number(counted.rows[0]?.count);
  const linesEvery = Math.max(batchRows, total / mostLines);
  let after = '';
  let done = 0;
  for (let reported = 0; ;) {
    const last = await lastKeyOfBatch(db, after);
    const upTo = last === undefined ? sql`` : sql`and blob_key <= ${last}`;
    await sql`
      insert into blob_owners (key, kind, id, type, sha256, size_bytes, state)
      select blob_key, 'artifact', id, type, blob_sha256, blob_size_bytes,
          case when purged_at is null then 'owned' else 'released' end
        from artifacts where blob_key > ${after} ${upTo} order by blob_key`.execute(db);
    if (last === undefined) return;
    after = last;
    done += batchRows;
    if (done - reported < linesEvery) continue;
    reported = done;
    onProgress(`blob owners: ${String(done)} of ${String(total)} artifacts`);
  }
}

/** The key of the last row of the next batch; undefined when fewer rows are left. */
async function lastKeyOfBatch(db: Kysely<unknown>, after: string): Promise<string | undefined> {
  const found = await sql<{ blob_key: string }>`
    select blob_key from artifacts where blob_key > ${after} order by blob_key limit 1 offset ${batchRows - 1}`.execute(
    db,
  );
  return found.rows[0]?.blob_key;
}

const texts = [
  `insert into storage_usage (kind, type, slot, count, size_bytes)
    select kind, type, 0, count(*), sum(size_bytes) from blob_owners where state = 'owned' group by kind, type`,
  // The key of `blob_owners` and the counters replace both.
  'drop index artifacts_blob_key',
  'drop index artifacts_kept_by_type',
];

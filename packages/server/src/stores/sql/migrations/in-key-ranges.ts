import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { OnProgress } from './on-progress.ts';

const batchRows = 10_000;
/** Largest number of progress lines that one call reports. */
const mostLines = 20;

/**
 * Calls `write` with a condition for each range of 10,000 rows. The ranges follow the order of an indexed text column,
 * and rows with null in this column are skipped. The ranges limit the memory on SQLite, which keeps the old pages of
 * all rows that one statement changes.
 */
export async function inKeyRanges(
  db: Kysely<unknown>,
  { table, key, what, onProgress }: { table: string; key: string; what: string; onProgress: OnProgress },
  write: (range: RawBuilder<unknown>) => Promise<unknown>,
): Promise<void> {
  const [from, column] = [sql.table(table), sql.ref(key)];
  // The Postgres driver returns a bigint as text.
  const counted = await sql<{ count: number | string }>`select count(*) as count from ${from}`.execute(db);
  const total = Number(counted.rows[0]?.count);
  let after = '';
  let done = 0;
  for (let reported = 0; ;) {
    const found = await sql<{ key: string }>`select ${column} as key from ${from} where ${column} > ${after}
      order by ${column} limit 1 offset ${sql.lit(batchRows - 1)}`.execute(db);
    const last = found.rows[0]?.key;
    await write(last === undefined ? sql`${column} > ${after}` : sql`${column} > ${after} and ${column} <= ${last}`);
    if (last === undefined) return;
    after = last;
    done += batchRows;
    if (done - reported < total / mostLines) continue;
    reported = done;
    onProgress(`${what}: ${String(done)} of ${String(total)}`);
  }
}

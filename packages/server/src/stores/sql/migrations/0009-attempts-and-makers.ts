import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * Adds the start of the current attempt of a job, the report of its worker at the end, and an index of the jobs that
 * workers made.
 */
export async function attemptsAndMakers(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { attempt_started_at: 'integer?', finish: 'text?' });
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  // An older version did not record later claims.
  "update jobs set attempt_started_at = started_at where status = 'running'",
  // Most jobs are made by the admin, who lists all of them.
  "create index jobs_by_maker on jobs (created_by, created_at, id) where created_by <> 'admin'",
];

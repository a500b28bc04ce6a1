import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * Adds to jobs the start of the current attempt and the report of the worker at the end of an attempt. Adds an index of
 * the jobs that workers created.
 */
export async function attemptsAndMakers(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { attempt_started_at: 'integer?', finish: 'text?' });
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  // Older versions stored only the time of the first claim, so the current attempt of a running job gets this time.
  "update jobs set attempt_started_at = started_at where status = 'running'",
  // Jobs of the admin are left out, because most jobs are created by the admin, who lists all jobs.
  "create index jobs_by_maker on jobs (created_by, created_at, id) where created_by <> 'admin'",
];

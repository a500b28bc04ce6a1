import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * Adds two facts to jobs: the start of the current attempt, and the worker's report at the end of an attempt. Adds an
 * index of the jobs that workers created.
 */
export async function attemptsAndMakers(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { attempt_started_at: 'integer?', finish: 'text?' });
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  // Older versions stored only the time of the first claim. For a running job, this time becomes the start of its
  // current attempt.
  "update jobs set attempt_started_at = started_at where status = 'running'",
  // The index omits the jobs that the admin created. Most jobs are of this kind, and the lists of the admin use other
  // indexes.
  "create index jobs_by_maker on jobs (created_by, created_at, id) where created_by <> 'admin'",
];

import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/** Gives each route a number, and creates an index of all claimable jobs in claim order (decision 12). */
export async function routesInOrder(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'job_routes', { number: 'integer?' });
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  `update job_routes set number = counted.number
    from (select id, row_number() over (order by id) as number from job_routes) as counted where counted.id = job_routes.id`,
  'create unique index job_routes_in_order on job_routes (number)',
  // A row with `ready = 1` is always queued, so the condition on the status excludes no row. It restricts the index to
  // queries that contain the same condition. Without it, a planner could use this index to find the jobs of one route,
  // and would then scan the whole index.
  "create index jobs_front on jobs (priority desc, created_at, id, route_id) where ready = 1 and status = 'queued'",
];

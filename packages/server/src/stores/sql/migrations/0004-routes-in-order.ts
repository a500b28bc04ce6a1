import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/** Routes are numbered as they come, and ready jobs are indexed by their order among all (decision 12). */
export async function routesInOrder(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'job_routes', { number: 'integer?' });
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  `update job_routes set number = counted.number
    from (select id, row_number() over (order by id) as number from job_routes) as counted where counted.id = job_routes.id`,
  'create unique index job_routes_in_order on job_routes (number)',
  // Ready jobs are queued anyway: only a question that says so can use this index, and never one for the jobs of a route,
  // which a planner would look for among all of them.
  "create index jobs_front on jobs (priority desc, created_at, id, route_id) where ready = 1 and status = 'queued'",
];

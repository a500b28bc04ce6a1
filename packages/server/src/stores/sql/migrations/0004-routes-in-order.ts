import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/** Numbers the routes, and indexes ready jobs in the claim order of the whole queue (decision 12). */
export async function routesInOrder(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'job_routes', { number: 'integer?' });
  for (const text of texts) await sql.raw(text).execute(db);
}

const texts = [
  `update job_routes set number = counted.number
    from (select id, row_number() over (order by id) as number from job_routes) as counted where counted.id = job_routes.id`,
  'create unique index job_routes_in_order on job_routes (number)',
  // Ready jobs are always queued, so the condition on the status is redundant. The condition restricts this index to
  // queries that state it. Without the condition, a planner would use the index to find the jobs of one route, and
  // would scan all of it.
  "create index jobs_front on jobs (priority desc, created_at, id, route_id) where ready = 1 and status = 'queued'",
];

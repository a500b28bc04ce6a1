import { sql } from 'kysely';
import { claimedBefore } from '../../claim-order.ts';
import type { JobRow } from '../../schema.ts';
import { statement } from '../../statement.ts';
import { first, rows, type Verb } from '../../verb.ts';

const headsOfRoute = statement<{ routeId: string; count: number }>()((db, p) =>
  db
    .selectFrom('jobs')
    .select(['id', 'priority', 'created_at'])
    .where('ready', '=', sql.lit(1))
    .where('route_id', '=', p.routeId)
    .orderBy('priority', 'desc')
    .orderBy('created_at')
    .orderBy('id')
    .limit(p.count),
);

const jobById = statement<{ id: string }>()((db, p) => db.selectFrom('jobs').selectAll().where('id', '=', p.id));

/** One small look-up a route: in process these cost less than a query that joins them. */
export function* sqliteReadyHeads(routeIds: readonly string[], count: number): Verb<JobRow[]> {
  const heads = [];
  for (const routeId of routeIds) heads.push(...(yield* rows(headsOfRoute, { routeId, count })));
  heads.sort(claimedBefore);
  const jobs: JobRow[] = [];
  for (const head of heads.slice(0, count)) {
    const job = yield* first(jobById, { id: head.id });
    if (job !== undefined) jobs.push(job);
  }
  return jobs;
}

import { sql } from 'kysely';
import { claimedBefore } from '../../claim-order.ts';
import type { JobRow, Queries } from '../../schema.ts';
import { statement } from '../../statement.ts';
import { first, rows, type Verb } from '../../verb.ts';

interface RouteHeads {
  readonly routeId: string;
  readonly count: number;
}

const heads = (db: Queries, p: RouteHeads) =>
  db
    .selectFrom('jobs')
    .where('ready', '=', sql.lit(1))
    .where('route_id', '=', p.routeId)
    .orderBy('priority', 'desc')
    .orderBy('created_at')
    .orderBy('id')
    .limit(p.count);

const jobsOfRoute = statement<RouteHeads>()((db, p) => heads(db, p).selectAll());

const placesOfRoute = statement<RouteHeads>()((db, p) => heads(db, p).select(['id', 'priority', 'created_at']));

const jobById = statement<{ id: string }>()((db, p) => db.selectFrom('jobs').selectAll().where('id', '=', p.id));

/** One small look-up a route: in process these cost less than a query that joins them. */
export function* sqliteReadyHeads(routeIds: readonly string[], count: number): Verb<JobRow[]> {
  const [only] = routeIds;
  if (only !== undefined && routeIds.length === 1) return yield* rows(jobsOfRoute, { routeId: only, count });
  const places = [];
  for (const routeId of routeIds) places.push(...(yield* rows(placesOfRoute, { routeId, count })));
  places.sort(claimedBefore);
  const jobs: JobRow[] = [];
  for (const { id } of places.slice(0, count)) {
    const job = yield* first(jobById, { id });
    if (job !== undefined) jobs.push(job);
  }
  return jobs;
}

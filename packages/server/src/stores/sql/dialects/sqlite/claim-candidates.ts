import { sql } from 'kysely';
import { claimedBefore, inClaimOrder } from '../../queue/claim-order.ts';
import { findJob } from '../../queue/job-reads.ts';
import type { RouteSet } from '../../queue/queue-dialect.ts';
import { queueHead } from '../../queue/queue-head.ts';
import type { JobRow, Queries } from '../../engine/schema.ts';
import type { Placeholders } from '../../engine/placeholder.ts';
import { statement } from '../../engine/statement.ts';
import { first, rows, type Verb } from '../../engine/verb.ts';

interface CandidatesOfRoute {
  readonly routeId: string;
  readonly count: number;
}

const candidatesOfRoute = (db: Queries, p: Placeholders<CandidatesOfRoute>) =>
  db
    .selectFrom('jobs')
    .where('ready', '=', sql.lit(1))
    .where('route_id', '=', p.routeId)
    .$call(inClaimOrder)
    .limit(p.count);

const jobsOfRoute = statement<CandidatesOfRoute>()((db, p) => candidatesOfRoute(db, p).selectAll());

const placesOfRoute = statement<CandidatesOfRoute>()((db, p) =>
  candidatesOfRoute(db, p).select(['id', 'priority', 'created_at']),
);

/**
 * Returns the candidates of a claim: the first claimable jobs of these routes. Runs one small query for each route and
 * one for each job. On SQLite this costs less than one query with a join.
 */
export function* sqliteClaimCandidates(routes: RouteSet, count: number): Verb<JobRow[]> {
  const [only] = routes.ids;
  if (only !== undefined && routes.ids.size === 1) return yield* rows(jobsOfRoute, { routeId: only, count });
  const jobs: JobRow[] = [];
  for (const id of (yield* queueHead(routes, count)) ?? (yield* firstOfRoutes(routes, count))) {
    const job = yield* first(findJob, { id });
    if (job !== undefined) jobs.push(job);
  }
  return jobs;
}

function* firstOfRoutes({ ids }: RouteSet, count: number): Verb<string[]> {
  const places = [];
  for (const routeId of ids) places.push(...(yield* rows(placesOfRoute, { routeId, count })));
  places.sort(claimedBefore);
  return places.slice(0, count).map(({ id }) => id);
}

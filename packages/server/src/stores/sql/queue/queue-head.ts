import { sql } from 'kysely';
import { inClaimOrder } from './claim-order.ts';
import type { RouteSet } from './queue-dialect.ts';
import { statement } from '../engine/statement.ts';
import { rows, type Verb } from '../engine/verb.ts';

const firstReady = statement<{ limit: number }>()((db, p) =>
  db
    .selectFrom('jobs')
    .select(['id', 'route_id'])
    .where('ready', '=', sql.lit(1))
    // Claimable jobs are always queued, so this condition excludes no job. It allows the planner to use the index
    // `jobs_front` (migration 0004).
    .where('status', '=', sql.lit('queued'))
    .$call(inClaimOrder)
    .limit(p.limit),
);

/**
 * For at most this number of routes, one query for each route costs less than reading the first claimable jobs of the
 * whole queue.
 */
const fewRoutes = 4;
/** Number of claimable jobs, in addition to `count`, that the first read fetches from the whole queue. */
const firstWindow = 100;
/**
 * Largest number of claimable jobs that are read from the whole queue. A larger read would cost more than one query for
 * each route.
 */
const largestWindow = 2000;

/**
 * Returns the ids of the first `count` claimable jobs of these routes, or of all of them if there are fewer. Reads
 * claimable jobs of all routes in claim order, and keeps those of these routes. This is fast for claims whose scope
 * includes most of the queue, even if there are many routes. Returns undefined if too few of the jobs that it read
 * belong to these routes. The caller must then query each route.
 */
export function* queueHead(routes: RouteSet, count: number): Verb<string[] | undefined> {
  if (routes.ids.size <= fewRoutes) return undefined;
  const widest = Math.min(largestWindow, 2 * (count + routes.ids.size));
  for (let limit = firstWindow + count; ; limit = widest) {
    const head = yield* rows(firstReady, { limit });
    const matching = head.filter((job) => routes.ids.has(job.route_id));
    if (matching.length >= count || head.length < limit) return matching.slice(0, count).map(({ id }) => id);
    if (limit >= widest) return undefined;
  }
}

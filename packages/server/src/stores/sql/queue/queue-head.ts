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
    // Claimable jobs are always queued, so this condition excludes nothing. It makes the planner choose the index
    // `jobs_front` (migration 0004).
    .where('status', '=', sql.lit('queued'))
    .$call(inClaimOrder)
    .limit(p.limit),
);

/** With at most this many routes, one query for each route is cheaper than reading the head of the queue. */
const fewRoutes = 4;
/** Number of jobs that the first read of the queue's head fetches in addition to `count`. */
const firstWindow = 100;
/**
 * Largest number of jobs that are read from the queue's head. Reading so many costs about as much as one query for each
 * route.
 */
const largestWindow = 2000;

/**
 * Returns the ids of the first `count` claimable jobs of these routes, by reading the head of the whole queue in claim
 * order. This is fast for claims whose scope includes most of the queue, however many routes there are. Returns
 * undefined if the head has too few jobs of these routes. The caller must then query each route. A result with fewer
 * than `count` ids contains all such jobs.
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

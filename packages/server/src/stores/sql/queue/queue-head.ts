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
    // Ready jobs are always queued; the condition selects the index `jobs_front` (migration 0004).
    .where('status', '=', sql.lit('queued'))
    .$call(inClaimOrder)
    .limit(p.limit),
);

/** Up to this many routes, one query a route is cheaper than reading the head of the queue. */
const fewRoutes = 4;
/** Jobs of the head that are read first, beside `count`. */
const firstWindow = 100;
/** Jobs of the head that are read at most: about the cost of one query a route. */
const largestWindow = 2000;

/**
 * The ids of the first `count` ready jobs of these routes, found by reading the head of the whole queue in claim order.
 * This is fast for claimers that may have most of the queue, however many routes it has. Undefined when the head holds
 * too few jobs of these routes, so that each route must be queried. Fewer than `count` ids mean that there are no more.
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

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

/** With at most this many routes, one query for each route is cheaper than reading the head of the queue. */
const fewRoutes = 4;
/** Number of jobs beyond `count` that the first read of the head fetches. */
const firstWindow = 100;
/** Largest number of jobs that are read from the head. They cost about as much as one query for each route. */
const largestWindow = 2000;

/**
 * Returns the ids of the first `count` ready jobs of these routes, by reading the head of the whole queue in claim
 * order. This is fast for claims that may have most of the queue, however many routes it has. Returns undefined if the
 * head has too few jobs of these routes, so that each route must be queried. A result of fewer than `count` ids means
 * that no more are ready.
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

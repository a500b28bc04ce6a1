import { sql } from 'kysely';
import { inClaimOrder } from './claim-order.ts';
import type { RouteSet } from './queue-dialect.ts';
import { statement } from '../engine/statement.ts';
import { rows, type Verb } from '../engine/verb.ts';

const front = statement<{ most: number }>()((db, p) =>
  db
    .selectFrom('jobs')
    .select(['id', 'route_id'])
    .where('ready', '=', sql.lit(1))
    // Names the index: see its migration.
    .where('status', '=', sql.lit('queued'))
    .$call(inClaimOrder)
    .limit(p.most),
);

/** So few routes are asked one by one: that costs less than a look at the front. */
const fewRoutes = 4;
/** How many jobs at the front are looked at first, and how many at most: about what asking each route would cost. */
const firstLook = 100;
const mostLooked = 2000;

/**
 * The first `count` ready jobs of these routes when the front of the whole queue tells them, which it does for claimers that
 * may have most of what is there, however many routes that is; undefined when each route must be asked. Fewer than
 * `count` means that there are no more.
 */
export function* frontOfQueue(routes: RouteSet, count: number): Verb<string[] | undefined> {
  if (routes.ids.size <= fewRoutes) return undefined;
  const widest = Math.min(mostLooked, 2 * (count + routes.ids.size));
  for (let most = firstLook + count; ; most = widest) {
    const looked = yield* rows(front, { most });
    const mine = looked.filter((job) => routes.ids.has(job.route_id));
    if (mine.length >= count || looked.length < most) return mine.slice(0, count).map(({ id }) => id);
    if (most >= widest) return undefined;
  }
}

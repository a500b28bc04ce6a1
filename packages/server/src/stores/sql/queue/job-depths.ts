import { sql } from 'kysely';
import type { JobDepth } from '../../../jobs/job-depth.ts';
import type { RouteCache } from './route-cache.ts';
import { statement } from '../engine/statement.ts';
import { first, rows, type Verb } from '../engine/verb.ts';

/**
 * Returns the distinct routes of claimable jobs by a skip scan. It reads one index entry for each route, even if a
 * route has many jobs.
 */
export const readyRoutes = statement<object>()((db) => ({
  compile: () =>
    sql<{ id: string }>`
      with recursive ready_routes(id) as (
        select min(route_id) from jobs where ready = 1
        union all
        select (select min(route_id) from jobs where ready = 1 and route_id > ready_routes.id)
        from ready_routes where ready_routes.id is not null
      )
      select id from ready_routes where id is not null`.compile(db),
}));

const readyOfRoute = statement<{ routeId: string; most: number }>()((db, p) =>
  db
    .selectFrom(
      db
        .selectFrom('jobs')
        .select('route_id')
        .where('ready', '=', sql.lit(1))
        .where('route_id', '=', p.routeId)
        .limit(p.most)
        .as('page'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count')),
);

// The result does not depend on the order. `order by` is here because it makes the planner use the small index of
// running jobs instead of scanning finished jobs.
const running = statement<{ most: number }>()((db, p) =>
  db
    .selectFrom(
      db
        .selectFrom('jobs')
        .select('type')
        .where('status', '=', sql.lit('running'))
        .orderBy('lease_expires_at')
        .limit(p.most)
        .as('page'),
    )
    .select((eb) => ['type', eb.fn.countAll<number>().as('count')])
    .groupBy('type'),
);

const delayed = statement<{ most: number }>()((db, p) =>
  db
    .selectFrom(
      db
        .selectFrom('jobs')
        .select('type')
        .where('status', '=', sql.lit('queued'))
        .where('ready', '=', sql.lit(0))
        .orderBy('next_attempt_at')
        .limit(p.most)
        .as('page'),
    )
    .select((eb) => ['type', eb.fn.countAll<number>().as('count')])
    .groupBy('type'),
);

/**
 * Counts unfinished jobs by type and state. Reads at most `most` index entries for each route of claimable jobs, and
 * for each other state. So a large backlog does not make it slower.
 */
export function* countDepths(routes: RouteCache, most: number): Verb<JobDepth[]> {
  const ready = new Map<string, number>();
  for (const route of yield* routes.byIds((yield* rows(readyRoutes, {})).map(({ id }) => id))) {
    const counted = yield* first(readyOfRoute, { routeId: route.id, most });
    ready.set(route.type, (ready.get(route.type) ?? 0) + (counted?.count ?? 0));
  }
  const depths: JobDepth[] = [...ready].map(([type, count]) => ({ type, state: 'ready', count }));
  for (const { type, count } of yield* rows(running, { most })) depths.push({ type, state: 'running', count });
  for (const { type, count } of yield* rows(delayed, { most })) depths.push({ type, state: 'delayed', count });
  return depths;
}

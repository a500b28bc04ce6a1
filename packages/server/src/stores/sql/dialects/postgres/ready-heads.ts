import { sql } from 'kysely';
import { claimedBefore, inClaimOrder } from '../../queue/claim-order.ts';
import { textList } from '../../engine/sql-syntax.ts';
import {
  emptyOutlook,
  isForeseen,
  outlookSql,
  outlookThenHeads,
  type Foreseen,
  type OutlookAndHeads,
  type QueueOutlook,
} from '../../queue/due-times.ts';
import type { JobRow, Queries } from '../../engine/schema.ts';
import type { RouteSet } from '../../queue/queue-dialect.ts';
import { frontOfQueue } from '../../queue/queue-head.ts';
import { statement } from '../../engine/statement.ts';
import { rows, type Verb } from '../../engine/verb.ts';

/** How many more heads than wanted are looked at first: what other claimers hold is passed over. */
const spare = 16;

interface HeadsOfRoute {
  readonly routeId: string;
  readonly count: number;
}

const headsOfRoute = (db: Queries, p: HeadsOfRoute) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where('ready', '=', sql.lit(1))
    .where('route_id', '=', p.routeId)
    .$call(inClaimOrder)
    .limit(p.count)
    .forUpdate()
    .skipLocked();

const lockHeadsOfRoute = statement<HeadsOfRoute>()(headsOfRoute);

/** One row at least: of the outlook alone when there are no heads, or when they must not be locked. */
const outlookAndHeadsOfRoute = statement<HeadsOfRoute & Foreseen>()((db, p) => ({
  compile: () =>
    sql<QueueOutlook & (JobRow | { readonly id: null })>`
      with outlook as materialized (${outlookSql}),
        heads as ${headsOfRoute(db, p).where(
          sql<boolean>`(select "lastRoute" <= ${p.lastRoute} and coalesce("leaseAt" > ${p.leasesAt}, true)
            and coalesce("delayedAt" > ${p.now}, true) from outlook)`,
        )}
      select outlook.*, heads.* from outlook left join heads on true`.compile(db),
}));

const headsOfRoutes = statement<{ routeIds: string; count: number }>()((db, p) =>
  db
    .selectFrom(sql<{ id: string }>`json_array_elements_text(${p.routeIds}::json)`.as<'route'>(sql`route(id)`))
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('jobs')
          .select(['id', 'priority', 'created_at'])
          .where('ready', '=', sql.lit(1))
          .whereRef('route_id', '=', 'route.id')
          .orderBy('priority', 'desc')
          .orderBy('created_at')
          .orderBy('id')
          .limit(p.count)
          .as('head'),
      (join) => join.onTrue(),
    )
    .select('head.id')
    .orderBy('head.priority', 'desc')
    .orderBy('head.created_at')
    .orderBy('head.id')
    .limit(p.count),
);

const lockHeads = statement<{ ids: string; count: number }>()((db, p, syntax) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where(syntax.among('id', p.ids))
    .where('ready', '=', sql.lit(1))
    .$call(inClaimOrder)
    .limit(p.count)
    .forUpdate()
    .skipLocked(),
);

/**
 * One route: its index is read and locked in one go. Several: their heads are found without locks, for a lock would
 * keep jobs from others that this claim does not take; when too many of them were held by others, it looks further.
 */
export function* postgresReadyHeads(routes: RouteSet, count: number): Verb<JobRow[]> {
  const [only] = routes.ids;
  if (only !== undefined && routes.ids.size === 1) return yield* rows(lockHeadsOfRoute, { routeId: only, count });
  const few = count + spare;
  const front = yield* frontOfQueue(routes, few);
  if (front !== undefined) {
    const locked = yield* rows(lockHeads, { ids: textList(front), count });
    if (locked.length === count || front.length < few) return locked;
  }
  for (let window = few; ; window *= 4) {
    const heads = yield* rows(headsOfRoutes, { routeIds: textList([...routes.ids]), count: window });
    const ids = textList(heads.map(({ id }) => id));
    const locked = yield* rows(lockHeads, { ids, count });
    if (locked.length === count || heads.length < window) return locked;
  }
}

/** What is locked and then let go, others would pass over: the statement that locks asks itself whether all was foreseen. */
export function* postgresOutlookAndHeads(routes: RouteSet, count: number, known: Foreseen): Verb<OutlookAndHeads> {
  const [routeId] = routes.ids;
  if (routeId === undefined || routes.ids.size > 1) {
    return yield* outlookThenHeads(known, () => postgresReadyHeads(routes, count));
  }
  const found = yield* rows(outlookAndHeadsOfRoute, { routeId, count, ...known });
  const [outlook = emptyOutlook] = found;
  if (!isForeseen(outlook, known)) return { outlook, heads: undefined };
  return { outlook, heads: found.filter((row) => row.id !== null).sort(claimedBefore) };
}

import { sql } from 'kysely';
import { textList } from '../../sql-dialect.ts';
import type { JobRow } from '../../schema.ts';
import { statement } from '../../statement.ts';
import { rows, type Verb } from '../../verb.ts';

/** How many more heads than wanted are looked at first: what other claimers hold is passed over. */
const spare = 16;

const lockHeadsOfRoute = statement<{ routeId: string; count: number }>()((db, p) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where('ready', '=', sql.lit(1))
    .where('route_id', '=', p.routeId)
    .orderBy('priority', 'desc')
    .orderBy('created_at')
    .orderBy('id')
    .limit(p.count)
    .forUpdate()
    .skipLocked(),
);

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

const lockHeads = statement<{ ids: string; count: number }>()((db, p, dialect) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where(dialect.among('id', p.ids))
    .where('ready', '=', sql.lit(1))
    .orderBy('priority', 'desc')
    .orderBy('created_at')
    .orderBy('id')
    .limit(p.count)
    .forUpdate()
    .skipLocked(),
);

/**
 * One route: its index is read and locked in one go. Several: their heads are merged without locks, for a lock would
 * keep jobs from others that this claim does not take; when too many of them were held by others, it looks further.
 */
export function* postgresReadyHeads(routeIds: readonly string[], count: number): Verb<JobRow[]> {
  const [only] = routeIds;
  if (only !== undefined && routeIds.length === 1) return yield* rows(lockHeadsOfRoute, { routeId: only, count });
  for (let window = count + spare; ; window *= 4) {
    const heads = yield* rows(headsOfRoutes, { routeIds: textList(routeIds), count: window });
    const ids = textList(heads.map(({ id }) => id));
    const locked = yield* rows(lockHeads, { ids, count });
    if (locked.length === count || heads.length < window) return locked;
  }
}

import { sql } from 'kysely';
import { inClaimOrder } from '../../queue/claim-order.ts';
import { textList } from '../../engine/sql-syntax.ts';
import type { JobRow } from '../../engine/schema.ts';
import type { RouteSet } from '../../queue/queue-dialect.ts';
import { queueHead } from '../../queue/queue-head.ts';
import { statement } from '../../engine/statement.ts';
import { rows, type Verb } from '../../engine/verb.ts';

/**
 * Number of candidates that are read in addition to `count`, because other claims may have locked some of them.
 * Candidates are claimable jobs in claim order.
 */
const spare = 16;

const lockCandidatesOfRoute = statement<{ routeId: string; count: number }>()((db, p) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where('ready', '=', sql.lit(1))
    .where('route_id', '=', p.routeId)
    .$call(inClaimOrder)
    .limit(p.count)
    .forUpdate()
    .skipLocked(),
);

const candidatesOfRoutes = statement<{ routeIds: string; count: number }>()((db, p) =>
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
          .as('candidate'),
      (join) => join.onTrue(),
    )
    .select('candidate.id')
    .orderBy('candidate.priority', 'desc')
    .orderBy('candidate.created_at')
    .orderBy('candidate.id')
    .limit(p.count),
);

const lockCandidates = statement<{ ids: string; count: number }>()((db, p, syntax) =>
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
 * Returns the first claimable jobs of the routes, locked for this claim. For one route, one statement reads a range of
 * the index and locks the jobs.
 *
 * For several routes, jobs are first read without locks, and then at most `count` of them are locked. Otherwise this
 * claim would lock jobs that it does not use, and other claims would skip them. If too many of the jobs are locked by
 * other claims, more jobs are read.
 */
export function* postgresClaimCandidates(routes: RouteSet, count: number): Verb<JobRow[]> {
  const [only] = routes.ids;
  if (only !== undefined && routes.ids.size === 1) return yield* rows(lockCandidatesOfRoute, { routeId: only, count });
  const few = count + spare;
  const head = yield* queueHead(routes, few);
  if (head !== undefined) {
    const locked = yield* rows(lockCandidates, { ids: textList(head), count });
    if (locked.length === count || head.length < few) return locked;
  }
  for (let window = few; ; window *= 4) {
    const found = yield* rows(candidatesOfRoutes, { routeIds: textList([...routes.ids]), count: window });
    const ids = textList(found.map(({ id }) => id));
    const locked = yield* rows(lockCandidates, { ids, count });
    if (locked.length === count || found.length < window) return locked;
  }
}

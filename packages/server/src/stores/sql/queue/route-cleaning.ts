import { sql } from 'kysely';
import type { Cleaner } from '../../../kernel/in-batches.ts';
import { textList } from '../engine/sql-syntax.ts';
import { statement } from '../engine/statement.ts';
import { put, rows, type Verb } from '../engine/verb.ts';
import { readyRoutes } from './job-depths.ts';
import type { QueueDialect, QueueEngine } from './queue-dialect.ts';
import { newestOf, type RouteCache, type RouteState } from './route-cache.ts';

/** Interval in ms between two searches for routes without unfinished jobs. */
const searchEveryMs = 10 * 60 * 1000;
/** Time in ms for which a route must be marked as idle before it is deleted. */
const idleForMs = 60 * 60 * 1000;

const allRoutes = statement<object>()((db) =>
  db.selectFrom('job_routes').select(['id', 'number', 'idle_since']).orderBy('number'),
);

const runningRoutes = statement<object>()((db) =>
  db.selectFrom('jobs').select('route_id as id').distinct().where('status', '=', sql.lit('running')),
);

const delayedRoutes = statement<object>()((db) =>
  db
    .selectFrom('jobs')
    .select('route_id as id')
    .distinct()
    .where('status', '=', sql.lit('queued'))
    .where('ready', '=', sql.lit(0)),
);

const lockRoutes = statement<{ ids: string }>()((db, p, syntax) =>
  syntax.locked(
    db.selectFrom('job_routes').select(['id', 'number', 'idle_since']).where(syntax.among('id', p.ids)).orderBy('id'),
    'skip',
  ),
);

const markIdle = statement<{ ids: string; now: number }>()((db, p, syntax) =>
  db.updateTable('job_routes').set({ idle_since: p.now }).where(syntax.among('id', p.ids)),
);

const deleteRoutes = statement<{ ids: string }>()((db, p, syntax) =>
  db.deleteFrom('job_routes').where(syntax.among('id', p.ids)),
);

interface RouteSearch {
  /** All rows of the table of routes. */
  readonly all: readonly RouteState[];
  /** The routes without an unfinished job in the snapshot of the search. */
  readonly unused: readonly RouteState[];
}

/**
 * Searches for routes without an unfinished job. Reads all routes, and index entries of unfinished jobs. Must run in
 * one snapshot, that is, as a scan.
 */
export function* searchUnusedRoutes(): Verb<RouteSearch> {
  const all = yield* rows(allRoutes, {});
  const unused = new Map(all.map((route) => [route.id, route]));
  for (const routesInUse of [readyRoutes, runningRoutes, delayedRoutes]) {
    if (unused.size === 0) break;
    for (const { id } of yield* rows(routesInUse, {})) unused.delete(id);
  }
  return { all, unused: [...unused.values()] };
}

/**
 * Closes routes. An open route is marked as idle. A route that the search found idle is deleted. The routes must come
 * from one search, and must have had no unfinished job in its snapshot. A route that has changed since the search stays
 * unchanged. Returns the ids of the closed routes. The caller must pass them to `RouteCache.forget` after the commit.
 */
export function* closeRoutes(dialect: QueueDialect, unused: readonly RouteState[], now: number): Verb<string[]> {
  yield* dialect.advisoryLock('routes', 'wait');
  const found = new Map(unused.map((route) => [route.id, route]));
  const locked = yield* rows(lockRoutes, { ids: textList([...found.keys()]) });
  const unchanged = locked.filter(({ id, number, idle_since }) => {
    const route = found.get(id);
    return route?.number === number && route.idle_since === idle_since;
  });
  const open = unchanged.filter(({ idle_since }) => idle_since === null).map(({ id }) => id);
  const idle = unchanged.filter(({ idle_since }) => idle_since !== null).map(({ id }) => id);
  if (open.length > 0) yield* put(markIdle, { ids: textList(open), now });
  if (idle.length > 0) yield* put(deleteRoutes, { ids: textList(idle) });
  return [...open, ...idle];
}

/**
 * Deletes routes without unfinished jobs, from the table and from the cache of this server. Decision 20 explains why
 * each unfinished job keeps its route.
 */
export class RouteCleaner implements Cleaner {
  readonly name = 'routes without unfinished jobs';
  readonly #engine: QueueEngine;
  readonly #cache: RouteCache;
  /** Routes that the last search found and that are not yet marked or deleted. */
  #found: RouteState[] = [];
  #searchedAt = -Infinity;

  constructor(engine: QueueEngine, cache: RouteCache) {
    this.#engine = engine;
    this.#cache = cache;
  }

  /**
   * Marks or deletes at most `limit` routes of the last search, and searches again if none is left. Returns the number
   * of routes that it examined.
   */
  async clean(now: number, limit: number): Promise<number> {
    if (this.#found.length === 0) await this.#search(now);
    const batch = this.#found.splice(0, limit);
    if (batch.length === 0) return 0;
    const closed = await this.#engine.write(() => closeRoutes(this.#engine.dialect, batch, now));
    this.#cache.forget(closed);
    return batch.length;
  }

  async #search(now: number): Promise<void> {
    // The absolute value is compared, because the clock may have been set back.
    if (Math.abs(now - this.#searchedAt) < searchEveryMs) return;
    this.#searchedAt = now;
    const { all, unused } = await this.#engine.scan(searchUnusedRoutes);
    this.#cache.keep(all);
    // The route with the largest number is not deleted. So its number is never assigned to another route.
    const newest = newestOf(all);
    this.#found = unused.filter(
      ({ number, idle_since }) => idle_since === null || (idle_since <= now - idleForMs && number !== newest),
    );
  }
}

import { routeMatches, routeOf, type ClaimScope, type JobRoute } from '../../../jobs/job-route.ts';
import type { JobRecord } from '@proofhouse/core';
import type { JobRouteRow } from '../engine/schema.ts';
import type { QueueDialect, RouteSet } from './queue-dialect.ts';
import { textList } from '../engine/sql-syntax.ts';
import { placeholdersOf } from '../engine/placeholder.ts';
import { statement } from '../engine/statement.ts';
import { first, put, rows, type Verb } from '../engine/verb.ts';

/** Inserts a route. If an older version wrote the row of this route without a number, sets the number. */
const writeRoute = statement<JobRouteRow>()((db, p) =>
  db
    .insertInto('job_routes')
    .values(placeholdersOf(p, ['id', 'type', 'repository', 'capabilities', 'number']))
    .onConflict((on) => on.column('id').doUpdateSet({ number: p.number })),
);

const routesByIds = statement<{ ids: string }>()((db, p, syntax) =>
  db.selectFrom('job_routes').selectAll().where(syntax.among('id', p.ids)),
);

const routesAfter = statement<{ number: number }>()((db, p) =>
  db.selectFrom('job_routes').selectAll().where('number', '>', p.number).orderBy('number'),
);

const newestRoute = statement<object>()((db) =>
  db.selectFrom('job_routes').select('number').where('number', 'is not', null).orderBy('number', 'desc').limit(1),
);

/** Largest number of claim scopes whose route sets are cached. The least recently used route set is evicted. */
const maxScopes = 200;
/** Largest number of route ids in a set or map of the cache. A set or map that would exceed this number is cleared. */
const maxIds = 10_000;

interface NumberedRoute extends JobRoute {
  readonly number: number;
}

/** All routes with numbers up to `last`, in the order of their numbers, as one transaction sees them. */
export interface RouteList {
  readonly routes: readonly NumberedRoute[];
  readonly last: number;
  /**
   * The version of the cached list from which this list was read. If two lists have the same version, one is a prefix
   * of the other.
   */
  readonly version: number;
}

interface CachedSet extends RouteSet {
  /**
   * Number of routes at the start of the cached list that were compared with the scope of this set. Later routes are
   * compared when the set is used.
   */
  readonly matched: number;
}

/**
 * A cache of the table of routes. The routes within the scope of a claim are found in memory, so jobs of other routes
 * do not slow the claim down. Routes are numbered in the order of their commits, so a cache that has all routes up to a
 * number reads only routes with larger numbers. A route id is a hash of the content of the route, so a cached route
 * never changes.
 */
export class RouteCache {
  readonly #byId = new Map<string, JobRoute>();
  /** The cached list, which contains committed routes only. It is replaced as a whole and never changed in place. */
  #list: RouteList = { routes: [], last: 0, version: 0 };
  /** Ids of committed routes, so that a new job of a known route needs no query for its route. */
  readonly #written = new Set<string>();
  readonly #sets = new Map<string, CachedSet>();

  /**
   * Returns the routes of these jobs, in the order of the jobs, and inserts the rows of missing routes. The caller must
   * call `committed` after the commit. If rows are inserted, the transaction holds the advisory lock `routes` until its
   * commit. So route numbers become visible in ascending order: a reader that sees a number also sees all smaller
   * numbers.
   */
  *intern(dialect: QueueDialect, jobs: readonly JobRecord[]): Verb<JobRoute[]> {
    const routes = jobs.map(routeOf);
    const fresh = new Map(routes.filter(({ id }) => !this.#written.has(id)).map((route) => [route.id, route]));
    if (fresh.size > 0) yield* this.#write(dialect, fresh);
    return routes;
  }

  *#write(dialect: QueueDialect, fresh: ReadonlyMap<string, JobRoute>): Verb<void> {
    yield* dialect.advisoryLock('routes', 'wait');
    const present = yield* rows(routesByIds, { ids: textList([...fresh.keys()]) });
    const numbered = new Set(present.filter((row) => row.number !== null).map(({ id }) => id));
    const missing = [...fresh.values()].filter(({ id }) => !numbered.has(id));
    if (missing.length === 0) return;
    let number = (yield* first(newestRoute, {}))?.number ?? 0;
    for (const { id, type, repository, capabilities } of missing) {
      number += 1;
      yield* put(writeRoute, { id, type, repository, capabilities: JSON.stringify(capabilities), number });
    }
  }

  /** Must be called when the rows of these routes are committed. */
  committed(routes: readonly JobRoute[]): void {
    if (this.#written.size + routes.length > maxIds) this.#written.clear();
    for (const { id } of routes) this.#written.add(id);
  }

  /** Returns the routes with these ids, from the cache or the table. Ids without a row are left out. */
  *byIds(ids: readonly string[]): Verb<JobRoute[]> {
    if (this.#byId.size + ids.length > maxIds) this.#byId.clear();
    const missing = ids.filter((id) => !this.#byId.has(id));
    if (missing.length > 0) {
      for (const row of yield* rows(routesByIds, { ids: textList(missing) })) this.#byId.set(row.id, routeFromRow(row));
    }
    return ids.flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** The cached list. It has all committed routes unless the table has a number above the list's `last`. */
  get list(): RouteList {
    return this.#list;
  }

  /**
   * Returns the list of all routes up to the number `newest`, which must be the largest number in the table. The caller
   * must pass the list to `fill` once the transaction is committed.
   */
  *readUpTo(newest: number): Verb<RouteList> {
    const { routes, last, version } = this.#list;
    if (newest <= last) return this.#list;
    const fresh = (yield* rows(routesAfter, { number: last })).map(numberedFromRow);
    return { routes: [...routes, ...fresh], last: fresh.at(-1)?.number ?? last, version };
  }

  /**
   * Caches a list that `readUpTo` returned. Only committed routes may be cached, because a number that was rolled back
   * is assigned again to another route.
   */
  fill(list: RouteList): void {
    if (list.version === this.#list.version && list.last > this.#list.last) this.#list = list;
  }

  /** Returns the routes of the list that match the scope of a claim. The list may be longer than the cached list. */
  matching(list: RouteList, scope: ClaimScope): RouteSet {
    const cached = this.#setOf(scope);
    const uncached = list.routes.slice(this.#list.routes.length).filter((route) => routeMatches(route, scope));
    return uncached.length === 0 ? cached : routeSet([...cached.ids, ...uncached.map(({ id }) => id)]);
  }

  /**
   * Returns the routes of the cached list that match the scope. If the set for this scope is cached, compares only the
   * routes that were added since then, and adds those that match.
   */
  #setOf({ types, repositories, capabilities }: ClaimScope): CachedSet {
    const scope = { types, repositories, capabilities };
    const key = JSON.stringify(scope);
    const cached = this.#sets.get(key);
    const matched = this.#list.routes.length;
    if (cached?.matched === matched) return cached;
    const more = this.#list.routes.slice(cached?.matched ?? 0).filter((route) => routeMatches(route, scope));
    const { ids, name } =
      cached === undefined || more.length > 0
        ? routeSet([...(cached?.ids ?? []), ...more.map(({ id }) => id)])
        : cached;
    const set = { ids, name, matched };
    this.#sets.delete(key);
    this.#sets.set(key, set);
    const [oldest] = this.#sets.keys();
    if (this.#sets.size > maxScopes && oldest !== undefined) this.#sets.delete(oldest);
    return set;
  }
}

function numberedFromRow(row: JobRouteRow): NumberedRoute {
  return { ...routeFromRow(row), number: row.number ?? 0 };
}

function routeFromRow({ id, type, repository, capabilities }: JobRouteRow): JobRoute {
  return { id, type, repository, capabilities: JSON.parse(capabilities) as string[] };
}

function routeSet(ids: readonly string[]): RouteSet {
  return { ids: new Set(ids), name: ids.join() };
}

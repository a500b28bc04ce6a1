import { routeMatches, routeOf, type ClaimScope, type JobRoute } from '../../../jobs/job-route.ts';
import type { JobRecord } from '@proofhouse/core';
import type { JobRouteRow } from '../engine/schema.ts';
import type { QueueDialect, QueueEngine, RouteSet } from './queue-dialect.ts';
import { textList } from '../engine/sql-syntax.ts';
import { placeholdersOf } from '../engine/placeholder.ts';
import { statement } from '../engine/statement.ts';
import { first, put, rows, type Verb, type WriteFactory } from '../engine/verb.ts';

/** Inserts a route. If the row exists, gives it a new number and marks it as not idle. */
const writeRoute = statement<JobRouteRow>()((db, p) =>
  db
    .insertInto('job_routes')
    .values(placeholdersOf(p, ['id', 'type', 'repository', 'capabilities', 'number', 'idle_since']))
    .onConflict((on) => on.column('id').doUpdateSet(placeholdersOf(p, ['number', 'idle_since']))),
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

/**
 * Largest number of claim scopes for which the cache contains the set of matching routes. The least recently used set
 * is evicted.
 */
const maxScopes = 200;
/** Largest number of route ids in a set or map of the cache. A set or map that would exceed this number is cleared. */
const maxIds = 10_000;
/**
 * Largest number of tries to add jobs. Each try after the first reads the rows of the routes. So it fails only if a
 * server closes one of these routes again before the try ends.
 */
const maxTries = 3;

/** The columns of a route that may change after its creation, and its id. */
export type RouteState = Pick<JobRouteRow, 'id' | 'number' | 'idle_since'>;

interface NumberedRoute extends JobRoute {
  readonly number: number;
}

/** All routes with numbers up to `last`, in the order of their numbers. One transaction read them. */
export interface RouteList {
  readonly routes: readonly NumberedRoute[];
  readonly last: number;
  /** The version of the cached list at the time when this list was derived from it. */
  readonly version: number;
}

interface CachedSet extends RouteSet {
  /**
   * Number of routes at the beginning of the cached list that were already compared with the scope. The others are
   * compared when the set is used next.
   */
  readonly matched: number;
}

/**
 * A cache of the table of routes. A claim finds the routes within its scope in memory, so jobs of other routes do not
 * make it slower. Routes are numbered in the order of their commits. A cache that has all routes up to a number reads
 * only routes with larger numbers. A route id is a hash of the content of the route, so a cached route never changes.
 *
 * Cleaning marks a route without unfinished jobs as idle, and deletes it later. A job can be added only to an open
 * route. A route that is idle gets a new number, and a route that was deleted gets a new row; this opens it. The cached
 * list may contain deleted routes, which have no unfinished jobs. Decision 20 describes the protocol.
 */
export class RouteCache {
  readonly #byId = new Map<string, JobRoute>();
  /** The cached list, which contains committed routes only. It is replaced as a whole and never changed in place. */
  #list: RouteList = { routes: [], last: 0, version: 0 };
  /**
   * Ids of routes that were open (neither idle nor deleted) when they were last read or written. A new job of such a
   * route needs no query for its route. If the route has been closed since then, the statement that inserts the job
   * fails.
   */
  readonly #open = new Set<string>();
  readonly #sets = new Map<string, CachedSet>();

  /**
   * Returns the routes of these jobs, in the order of the jobs. Opens the routes that the cache does not contain. The
   * verb must run in `addJobs`.
   */
  *intern(dialect: QueueDialect, jobs: readonly JobRecord[]): Verb<JobRoute[]> {
    const routes = jobs.map(routeOf);
    yield* this.open(
      dialect,
      routes.filter(({ id }) => !this.#open.has(id)),
    );
    return routes;
  }

  /**
   * Opens routes: inserts missing rows, and gives idle routes new numbers. The transaction holds the advisory lock
   * `routes` until it ends. Cleaning acquires the same lock, so it cannot close these routes before the transaction
   * ends. The lock also makes numbers visible in ascending order: a reader that sees a number also sees all smaller
   * numbers.
   */
  *open(dialect: QueueDialect, routes: readonly JobRoute[]): Verb<void> {
    if (routes.length === 0) return;
    const needed = new Map(routes.map((route) => [route.id, route]));
    yield* dialect.advisoryLock('routes', 'wait');
    for (const { id, number, idle_since } of yield* rows(routesByIds, { ids: textList([...needed.keys()]) })) {
      // Rows that older versions wrote may have no number.
      if (number !== null && idle_since === null) needed.delete(id);
    }
    if (needed.size === 0) return;
    let number = (yield* first(newestRoute, {}))?.number ?? 0;
    for (const { id, type, repository, capabilities } of needed.values()) {
      number += 1;
      const row = { id, type, repository, capabilities: JSON.stringify(capabilities), number, idle_since: null };
      yield* put(writeRoute, row);
    }
  }

  /**
   * Runs a transaction that adds jobs. Its verb must return the routes of the jobs, which are then cached as open. If
   * another server has closed one of these routes, the transaction is rolled back and runs again. The second run reads
   * the rows of its routes.
   */
  async addJobs<Result extends { readonly routes: readonly JobRoute[] }>(
    engine: QueueEngine,
    verb: WriteFactory<Result>,
  ): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        const result = await engine.write(verb);
        if (this.#open.size + result.routes.length > maxIds) this.#open.clear();
        for (const { id } of result.routes) this.#open.add(id);
        return result;
      } catch (error) {
        if (tries === maxTries || !engine.dialect.isClosedRoute(error)) throw error;
        this.#open.clear();
      }
    }
  }

  /** Must be called after cleaning has committed that these routes are idle or deleted. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#open.delete(id);
  }

  /** Removes from the cache the routes that any server has closed. `all` must contain all rows of the table. */
  keep(all: readonly RouteState[]): void {
    const states = new Map(all.map((route) => [route.id, route]));
    for (const id of this.#open) if (states.get(id)?.idle_since !== null) this.#open.delete(id);
    const newest = newestOf(all);
    // A cached route with a number above all numbers in `all` is kept, because it was written after `all` was read.
    const routes = this.#list.routes.filter(({ id, number }) => number > newest || states.has(id));
    if (routes.length === this.#list.routes.length) return;
    this.#list = { ...this.#list, routes, version: this.#list.version + 1 };
    this.#sets.clear();
  }

  /** Returns the routes with these ids, from the cache or the table. Ids without a row are omitted. */
  *byIds(ids: readonly string[]): Verb<JobRoute[]> {
    if (this.#byId.size + ids.length > maxIds) this.#byId.clear();
    const missing = ids.filter((id) => !this.#byId.has(id));
    if (missing.length > 0) {
      for (const row of yield* rows(routesByIds, { ids: textList(missing) })) this.#byId.set(row.id, routeFromRow(row));
    }
    return ids.flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** The cached list. It has every route of the table if its `last` is the largest route number in the table. */
  get list(): RouteList {
    return this.#list;
  }

  /**
   * Returns the list of all routes up to the number `newest`, which must be the largest number in the table. After the
   * commit, the caller must pass the list to `fill`.
   */
  *readUpTo(newest: number): Verb<RouteList> {
    const { routes, last, version } = this.#list;
    if (newest <= last) return this.#list;
    const found = (yield* rows(routesAfter, { number: last })).map(numberedFromRow);
    const fresh = new Map(found.map((route) => [route.id, route]));
    // A route that was opened again has a new number, but keeps its position in the list.
    const known = routes.map((route) => {
      const again = fresh.get(route.id);
      fresh.delete(route.id);
      return again ?? route;
    });
    return { routes: [...known, ...fresh.values()], last: found.at(-1)?.number ?? last, version };
  }

  /**
   * Caches a list that `readUpTo` returned. Only committed routes may be cached: if a transaction is rolled back, its
   * numbers are assigned again to other routes. A list is ignored if the cached list has changed since `readUpTo` read
   * the routes.
   */
  fill(list: RouteList): void {
    if (list.version !== this.#list.version || list.last <= this.#list.last) return;
    this.#list = { ...list, version: list.version + 1 };
  }

  /** Returns the routes of the list that match the scope of a claim. The list may be longer than the cached list. */
  matching(list: RouteList, scope: ClaimScope): RouteSet {
    if (list.version !== this.#list.version) {
      return routeSet(list.routes.filter((route) => routeMatches(route, scope)).map(({ id }) => id));
    }
    const cached = this.#setOf(scope);
    const uncached = list.routes.slice(this.#list.routes.length).filter((route) => routeMatches(route, scope));
    return uncached.length === 0 ? cached : routeSet([...cached.ids, ...uncached.map(({ id }) => id)]);
  }

  /**
   * Returns the routes of the cached list that match the scope. If the set for this scope is cached, only routes that
   * were added to the list later are compared.
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

/** Returns the largest number of the routes; 0 if there is none. */
export function newestOf(routes: readonly RouteState[]): number {
  return routes.reduce((newest, { number }) => Math.max(newest, number ?? 0), 0);
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

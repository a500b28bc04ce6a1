import { routeMatches, routeOf, type ClaimScope, type JobRoute } from '../../../jobs/job-route.ts';
import type { JobRecord } from '@proofhouse/core';
import type { JobRouteRow } from '../engine/schema.ts';
import type { QueueDialect, RouteSet } from './queue-dialect.ts';
import { textList } from '../engine/sql-syntax.ts';
import { placeholdersOf, statement } from '../engine/statement.ts';
import { first, put, rows, type Verb } from '../engine/verb.ts';

/** A row without a number was left by a version that gave none. */
const numberRoute = statement<JobRouteRow>()((db, p) =>
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

/** Claimers that differ are remembered apart, so many of them. */
const mostScopes = 200;

interface Matched extends RouteSet {
  /** How many of the known routes were looked at for it. */
  readonly seen: number;
}

/**
 * All routes there are, in the order of their numbers, kept in memory: which of them a claimer may have is decided here, so
 * that jobs of others cost a claim nothing. An id is a hash of what it names, so what was once read stays true; whether
 * a row is committed is remembered apart.
 */
export class JobRoutes {
  readonly #byId = new Map<string, JobRoute>();
  /** Committed and without gaps up to its last; replaced, never changed. */
  #known: readonly NumberedRoute[] = [];
  readonly #committed = new Set<string>();
  readonly #matched = new Map<string, Matched>();

  /**
   * The routes of these jobs, each in its place, written unless they are known to be there; `committed` says afterwards
   * that they are. Whoever writes one has the turn until it is committed, so numbers become visible in their order: a
   * reader that knows the newest number knows of all routes before it.
   */
  *intern(dialect: QueueDialect, jobs: readonly JobRecord[]): Verb<JobRoute[]> {
    const routes = jobs.map(routeOf);
    const fresh = new Map(routes.filter(({ id }) => !this.#committed.has(id)).map((route) => [route.id, route]));
    if (fresh.size > 0) yield* this.#write(dialect, fresh);
    return routes;
  }

  *#write(dialect: QueueDialect, fresh: ReadonlyMap<string, JobRoute>): Verb<void> {
    yield* dialect.turn('routes', 'wait');
    const there = yield* rows(routesByIds, { ids: textList([...fresh.keys()]) });
    const numbered = new Set(there.filter((row) => row.number !== null).map(({ id }) => id));
    const missing = [...fresh.values()].filter(({ id }) => !numbered.has(id));
    if (missing.length === 0) return;
    let number = (yield* first(newestRoute, {}))?.number ?? 0;
    for (const { id, type, repository, capabilities } of missing) {
      number += 1;
      yield* put(numberRoute, { id, type, repository, capabilities: JSON.stringify(capabilities), number });
    }
  }

  committed(routes: readonly JobRoute[]): void {
    for (const { id } of routes) this.#committed.add(id);
  }

  /** The routes of these ids. */
  *named(ids: readonly string[]): Verb<JobRoute[]> {
    const missing = ids.filter((id) => !this.#byId.has(id));
    if (missing.length > 0) {
      for (const row of yield* rows(routesByIds, { ids: textList(missing) })) this.#byId.set(row.id, routeFromRow(row));
    }
    return ids.flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** Those that were learnt: all there are, as long as no newer one was written. */
  get known(): readonly NumberedRoute[] {
    return this.#known;
  }

  /** All routes, when the newest one has this number; `learn` them once the verb is over. */
  *upTo(newest: number): Verb<readonly NumberedRoute[]> {
    const known = this.#known;
    const last = lastOf(known);
    if (newest <= last) return known;
    const fresh = yield* rows(routesAfter, { number: last });
    return [...known, ...fresh.map((row) => ({ ...routeFromRow(row), number: row.number ?? 0 }))];
  }

  /** Only what is committed may be kept: a number that was undone is given again, to another route. */
  learn(routes: readonly NumberedRoute[]): void {
    if (routes.length > this.#known.length) this.#known = routes;
  }

  /** Those of the routes, which `upTo` gave, that the claimer may have jobs of. */
  matching(routes: readonly NumberedRoute[], scope: ClaimScope): RouteSet {
    const matched = this.#matchedOf(scope);
    const unlearned = routes.slice(this.#known.length).filter((route) => routeMatches(route, scope));
    return unlearned.length === 0 ? matched : routeSet([...matched.ids, ...unlearned.map(({ id }) => id)]);
  }

  #matchedOf({ types, repositories, capabilities }: ClaimScope): Matched {
    const scope = { types, repositories, capabilities };
    const key = JSON.stringify(scope);
    const before = this.#matched.get(key);
    const seen = this.#known.length;
    if (before?.seen === seen) return before;
    const more = this.#known.slice(before?.seen ?? 0).filter((route) => routeMatches(route, scope));
    const ids = more.map(({ id }) => id);
    const { ids: all, name } =
      before === undefined || more.length > 0 ? routeSet([...(before?.ids ?? []), ...ids]) : before;
    const matched = { ids: all, name, seen };
    this.#matched.delete(key);
    this.#matched.set(key, matched);
    const [oldest] = this.#matched.keys();
    if (this.#matched.size > mostScopes && oldest !== undefined) this.#matched.delete(oldest);
    return matched;
  }
}

export interface NumberedRoute extends JobRoute {
  readonly number: number;
}

/** The number of the newest of them; 0 when there is none. */
export function lastOf(routes: readonly NumberedRoute[]): number {
  return routes.at(-1)?.number ?? 0;
}

function routeFromRow({ id, type, repository, capabilities }: JobRouteRow): JobRoute {
  return { id, type, repository, capabilities: JSON.parse(capabilities) as string[] };
}

function routeSet(ids: readonly string[]): RouteSet {
  return { ids: new Set(ids), name: ids.join() };
}

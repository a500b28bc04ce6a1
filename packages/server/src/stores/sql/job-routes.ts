import { routeOf, type JobRoute } from '../../jobs/job-route.ts';
import type { JobRecord } from '@proofhouse/core';
import type { JobRouteRow } from './schema.ts';
import { placeholdersOf, statement } from './statement.ts';
import { rows, run, type Verb } from './verb.ts';
import { textList } from './sql-dialect.ts';

const insertRoute = statement<JobRouteRow>()((db, p) =>
  db
    .insertInto('job_routes')
    .values(placeholdersOf(p, ['id', 'type', 'repository', 'capabilities']))
    .onConflict((on) => on.column('id').doNothing()),
);

const routesByIds = statement<{ ids: string }>()((db, p, dialect) =>
  db.selectFrom('job_routes').selectAll().where(dialect.among('id', p.ids)),
);

/**
 * Routes by id. An id is a hash of what it names, so what was once read stays true; whether a row is
 * committed is remembered apart, since only then its insert can be left out.
 */
export class JobRoutes {
  readonly #known = new Map<string, JobRoute>();
  readonly #committed = new Set<string>();

  /**
   * The routes of these jobs, each in its place, written unless they are known to be there; `committed` says afterwards
   * that they are. In one order everywhere: two servers that write the same ones wait, and never in a circle.
   */
  *intern(jobs: readonly JobRecord[]): Verb<JobRoute[]> {
    const routes = jobs.map(routeOf);
    const fresh = new Map(routes.filter(({ id }) => !this.#committed.has(id)).map((route) => [route.id, route]));
    for (const [id, route] of [...fresh].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const { type, repository, capabilities } = route;
      yield* run(insertRoute, { id, type, repository, capabilities: JSON.stringify(capabilities) });
    }
    return routes;
  }

  committed(routes: readonly JobRoute[]): void {
    for (const { id } of routes) this.#committed.add(id);
  }

  /** The routes of these ids. */
  *named(ids: readonly string[]): Verb<JobRoute[]> {
    const missing = ids.filter((id) => !this.#known.has(id));
    if (missing.length > 0) yield* this.#load(missing);
    return ids.flatMap((id) => this.#known.get(id) ?? []);
  }

  *#load(ids: readonly string[]): Verb<void> {
    for (const row of yield* rows(routesByIds, { ids: textList(ids) })) {
      this.#known.set(row.id, { ...row, capabilities: JSON.parse(row.capabilities) as string[] });
    }
  }
}

import { decideJob, type JobRecord } from '@proofhouse/core';
import { sql } from 'kysely';
import type { Passed, ReadyJob } from '../../../jobs/job-store.ts';
import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { RouteCache } from './route-cache.ts';
import { jobFromRow } from './job-row.ts';
import { writeChanges, type JobChange } from './job-writes.ts';
import { statement } from '../engine/statement.ts';
import type { QueueDialect } from './queue-dialect.ts';
import { textList } from '../engine/sql-syntax.ts';
import { put, rows, type Verb } from '../engine/verb.ts';

const expiredLeases = statement<{ leasesAt: number; limit: number }>()((db, p, syntax) =>
  syntax.locked(
    db
      .selectFrom('jobs')
      .selectAll()
      .where('status', '=', sql.lit('running'))
      .where('lease_expires_at', '<=', p.leasesAt)
      .orderBy('lease_expires_at')
      .limit(p.limit),
    'skip',
  ),
);

const endedDelays = statement<{ now: number; limit: number }>()((db, p, syntax) =>
  syntax.locked(
    db
      .selectFrom('jobs')
      .select(['id', 'route_id', 'last_seq'])
      .where('status', '=', sql.lit('queued'))
      .where('ready', '=', sql.lit(0))
      .where('next_attempt_at', '<=', p.now)
      .orderBy('next_attempt_at')
      .limit(p.limit),
    'skip',
  ),
);

const makeReady = statement<{ ids: string }>()((db, p, syntax) =>
  db
    .updateTable('jobs')
    .set((eb) => ({ ready: sql.lit(1), version: eb('version', '+', 1) }))
    .where(syntax.among('id', p.ids)),
);

/** Ends expired leases. Skips jobs that another transaction has locked. */
export function* endExpired(dialect: QueueDialect, time: StoreTime, limit: number): Verb<JobRecord[]> {
  const changes: JobChange[] = [];
  const { now, leasesAt } = time;
  for (const row of yield* rows(expiredLeases, { leasesAt, limit })) {
    const decision = decideJob(jobFromRow(row), { kind: 'expire' }, now, leasesAt);
    if (decision.outcome === 'changed') changes.push({ row, decision, now });
  }
  yield* writeChanges(dialect, changes);
  return changes.map(({ decision }) => decision.job);
}

/**
 * Promotes jobs whose delay has ended, in the order in which their delays ended. The transaction must hold the advisory
 * lock `promotion`.
 */
export function* promoteDue(routes: RouteCache, now: number, limit: number): Verb<ReadyJob[]> {
  const due = yield* rows(endedDelays, { now, limit });
  if (due.length === 0) return [];
  yield* put(makeReady, { ids: textList(due.map(({ id }) => id)) });
  const found = yield* routes.byIds([...new Set(due.map((row) => row.route_id))]);
  const routeOf = new Map(found.map((route) => [route.id, route]));
  return due.flatMap(({ id, route_id, last_seq }) => {
    const route = routeOf.get(route_id);
    return route === undefined ? [] : { jobId: id, seq: last_seq, route };
  });
}

/**
 * Ends expired leases, then promotes due jobs. Promotion is last because claims that find no job wait for its advisory
 * lock, which is held until the commit.
 */
export function* sweepJobs(dialect: QueueDialect, routes: RouteCache, time: StoreTime, limit: number): Verb<Passed> {
  const ended = yield* endExpired(dialect, time, limit);
  const ready = (yield* dialect.advisoryLock('promotion', 'skip')) ? yield* promoteDue(routes, time.now, limit) : [];
  return { ended, ready };
}

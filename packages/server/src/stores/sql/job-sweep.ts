import { decideJob, type JobRecord } from '@proofhouse/core';
import { sql } from 'kysely';
import { deleteExpiredKeys } from './idempotency.ts';
import { jobFromRow } from './job-row.ts';
import { writeChanges, type JobChange } from './job-writes.ts';
import { statement } from './statement.ts';
import { textList, type SqlDialect } from './sql-dialect.ts';
import { put, rows, type Verb } from './verb.ts';

/** How many delayed jobs become ready at a time. */
const promoteBatch = 200;

const expiredLeases = statement<{ now: number; limit: number }>()((db, p, dialect) =>
  dialect.locked(
    db
      .selectFrom('jobs')
      .selectAll()
      .where('status', '=', sql.lit('running'))
      .where('lease_expires_at', '<=', p.now)
      .orderBy('lease_expires_at')
      .limit(p.limit),
    'skip',
  ),
);

const passedDelays = statement<{ now: number; limit: number }>()((db, p, dialect) =>
  dialect.locked(
    db
      .selectFrom('jobs')
      .select('id')
      .where('status', '=', sql.lit('queued'))
      .where('ready', '=', sql.lit(0))
      .where('next_attempt_at', '<=', p.now)
      .orderBy('next_attempt_at')
      .limit(p.limit),
    'skip',
  ),
);

const makeReady = statement<{ ids: string }>()((db, p, dialect) =>
  db
    .updateTable('jobs')
    .set({ ready: sql.lit(1) })
    .where(dialect.among('id', p.ids)),
);

/** Ends leases that have passed; those that another server is ending now are left to it. */
export function* endExpired(dialect: SqlDialect, now: number, limit: number): Verb<JobRecord[]> {
  const changes: JobChange[] = [];
  for (const row of yield* rows(expiredLeases, { now, limit })) {
    const decision = decideJob(jobFromRow(row), { kind: 'expire' }, now);
    if (decision.outcome === 'changed') changes.push({ row, decision, now });
  }
  yield* writeChanges(dialect, changes);
  return changes.map(({ decision }) => decision.job);
}

/** Makes jobs claimable whose delay has passed, the longest due first; gives how many. */
export function* promoteDue(now: number): Verb<number> {
  const ids = (yield* rows(passedDelays, { now, limit: promoteBatch })).map(({ id }) => id);
  if (ids.length > 0) yield* put(makeReady, { ids: textList(ids) });
  return ids.length;
}

export function* sweepJobs(dialect: SqlDialect, now: number, limit: number): Verb<JobRecord[]> {
  const ended = yield* endExpired(dialect, now, limit);
  yield* promoteDue(now);
  yield* deleteExpiredKeys(now, limit);
  return ended;
}

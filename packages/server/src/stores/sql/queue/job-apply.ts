import { type AuditEntry, finalStatuses, type JobDecision, type JobRecord } from '@proofhouse/core';
import { routeOf } from '../../../jobs/job-route.ts';
import { timeAt, type StoreTime } from '../../../kernel/time/store-time.ts';
import { jobFromRow } from './job-row.ts';
import { writeChanges, type JobChange } from './job-writes.ts';
import type { JobRow } from '../engine/schema.ts';
import type { QueueDialect } from './queue-dialect.ts';
import type { RouteCache } from './route-cache.ts';
import { textList } from '../engine/sql-syntax.ts';
import { insertAuditEntry } from '../records/people/audit.ts';
import { statement } from '../engine/statement.ts';
import { rows, type Verb } from '../engine/verb.ts';

/** The arguments of `JobStore.apply`. Several calls are applied in one batch. */
export interface Application {
  readonly jobId: string;
  readonly decide: (job: JobRecord, time: StoreTime) => JobDecision;
  /** The time that a test sets; see `JobStore`. */
  readonly now: number | undefined;
  /** Entry for the audit log. It is written only if the job changes. */
  readonly audit: AuditEntry | undefined;
}

export const lockJob = statement<{ id: string }>()((db, p, syntax) =>
  syntax.locked(db.selectFrom('jobs').selectAll().where('id', '=', p.id), 'wait'),
);

/** Locks the rows of several jobs, in the order of their ids to avoid deadlocks. */
const lockByIds = statement<{ ids: string }>()((db, p, syntax) =>
  syntax.locked(db.selectFrom('jobs').selectAll().where(syntax.among('id', p.ids)).orderBy('id'), 'wait'),
);

/**
 * Calls `decide` of each application with the job that the application names, in order, and then writes all changes. If
 * two applications name the same job, the second one receives the job as changed by the first.
 */
export function* applyAll(
  dialect: QueueDialect,
  cache: RouteCache,
  applications: readonly Application[],
  time: StoreTime,
): Verb<(JobDecision | undefined)[]> {
  const held = yield* lockJobs(applications.map(({ jobId }) => jobId));
  const jobs = new Map(held.map((row) => [row.id, { row, job: jobFromRow(row) }]));
  const changes: JobChange[] = [];
  const entries: AuditEntry[] = [];
  const decisions = applications.map(({ jobId, decide, now, audit }) => {
    const at = jobs.get(jobId);
    if (at === undefined) return undefined;
    const decidedAt = timeAt(now, time);
    const decision = decide(at.job, decidedAt);
    if (decision.outcome === 'changed') {
      changes.push({ row: at.row, decision, now: decidedAt.now });
      at.job = decision.job;
      if (audit !== undefined) entries.push(audit);
    }
    return decision;
  });
  const revived = changes.filter(
    ({ row, decision }) => finalStatuses.includes(row.status) && !finalStatuses.includes(decision.job.status),
  );
  if (revived.length > 0) {
    // A retry makes an ended job unfinished again. The route of the job may have been deleted meanwhile, because it had
    // no unfinished job.
    const routes = revived.map(({ row, decision }) => ({ ...routeOf(decision.job), id: row.route_id }));
    yield* cache.open(dialect, routes);
  }
  yield* writeChanges(dialect, changes);
  for (const entry of entries) yield* insertAuditEntry(entry);
  return decisions;
}

/** Locks each of the jobs that exists, once, in the order of the ids. Returns the rows. */
export function* lockJobs(jobIds: readonly string[]): Verb<JobRow[]> {
  const ids = [...new Set(jobIds)];
  const [only] = ids;
  if (ids.length === 1 && only !== undefined) return yield* rows(lockJob, { id: only });
  return yield* rows(lockByIds, { ids: textList(ids) });
}

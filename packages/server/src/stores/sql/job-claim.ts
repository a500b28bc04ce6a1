import { decideJob, type JobRecord } from '@proofhouse/core';
import { routeMatches } from '../../jobs/job-route.ts';
import type { Claimed, ClaimRequest } from '../../jobs/job-store.ts';
import { nameResource, releaseKey, useKey } from './idempotency.ts';
import { jobFromRow } from './job-row.ts';
import type { JobRoutes } from './job-routes.ts';
import { endExpired, lookForDue, promoteDue, promoteBatch, type Due } from './job-sweep.ts';
import { writeDecision } from './job-writes.ts';
import { statement } from './statement.ts';
import { textList, type SqlDialect } from './sql-dialect.ts';
import { rows, type Verb } from './verb.ts';

/** Leases that a claim ends on its way: the sweeper does the rest. */
const expiredPerClaim = 20;

const jobsByIds = statement<{ ids: string }>()((db, p, dialect) =>
  db.selectFrom('jobs').selectAll().where(dialect.among('id', p.ids)),
);

export function* claimJobs(dialect: SqlDialect, routes: JobRoutes, request: ClaimRequest): Verb<Claimed> {
  const { idempotency, now } = request;
  if (idempotency !== undefined) {
    const known = yield* useKey({ ...idempotency, resourceId: '[]' }, now);
    if (known.use === 'conflict') return { outcome: 'conflict' };
    if (known.use === 'repeated') return { outcome: 'repeated', jobs: yield* jobsInOrder(known.resourceId) };
  }
  const jobs = yield* claimReady(dialect, routes, request);
  if (idempotency !== undefined) {
    if (jobs.length === 0) yield* releaseKey(idempotency);
    else yield* nameResource(idempotency, JSON.stringify(jobs.map((job) => job.id)));
  }
  return { outcome: 'claimed', jobs };
}

function* claimReady(dialect: SqlDialect, routes: JobRoutes, request: ClaimRequest): Verb<JobRecord[]> {
  const { now } = request;
  const due: Due = yield* lookForDue();
  if (due.leaseAt !== null && due.leaseAt <= now) yield* endExpired(now, expiredPerClaim);
  let morePromotable = due.delayedAt !== null && due.delayedAt <= now;
  const jobs: JobRecord[] = [];
  for (;;) {
    if (morePromotable) morePromotable = (yield* promoteDue(now)) === promoteBatch;
    yield* claimHeads(dialect, routes, request, jobs);
    // A crowd of due jobs that the claimer may not have must not hide one behind them.
    if (jobs.length >= request.leaseIds.length || !morePromotable) return jobs;
  }
}

/** Claims what is ready until there are as many jobs as leases. */
function* claimHeads(dialect: SqlDialect, routes: JobRoutes, request: ClaimRequest, jobs: JobRecord[]): Verb<void> {
  const matching = (yield* routes.ready()).filter((route) => routeMatches(route, request)).map((route) => route.id);
  if (matching.length === 0) return;
  for (const row of yield* dialect.readyHeads(matching, request.leaseIds.length - jobs.length)) {
    const leaseId = request.leaseIds[jobs.length];
    if (leaseId === undefined) return;
    const { workerId, leaseMs, now } = request;
    const decision = decideJob(jobFromRow(row), { kind: 'claim', workerId, leaseId, leaseMs }, now);
    if (decision.outcome !== 'changed') continue;
    yield* writeDecision(row, decision, now);
    jobs.push(decision.job);
  }
}

/** The jobs of a repeated claim, as they are now, in the order of the first answer. */
function* jobsInOrder(resourceId: string): Verb<JobRecord[]> {
  const ids = JSON.parse(resourceId) as string[];
  const found = new Map((yield* rows(jobsByIds, { ids: textList(ids) })).map((row) => [row.id, jobFromRow(row)]));
  return ids.flatMap((id) => found.get(id) ?? []);
}

import { decideJob, type JobRecord } from '@proofhouse/core';
import { routeMatches, type JobRoute } from '../../jobs/job-route.ts';
import type { Claimed, ClaimRequest } from '../../jobs/job-store.ts';
import { nameResource, releaseKey, useKey } from './idempotency.ts';
import { jobFromRow } from './job-row.ts';
import type { JobRoutes } from './job-routes.ts';
import { endExpired, promoteDue } from './job-sweep.ts';
import { writeDecision } from './job-writes.ts';
import { lookAhead } from './queue-outlook.ts';
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
  const jobs: JobRecord[] = [];
  let outlook = yield* lookAhead();
  if (isDue(outlook.leaseAt, now)) yield* endExpired(now, expiredPerClaim);
  for (;;) {
    const promoted = isDue(outlook.delayedAt, now) ? yield* promoteDue(now) : 0;
    if (promoted > 0) outlook = yield* lookAhead();
    yield* claimHeads(dialect, yield* routes.named(outlook.routeIds), request, jobs);
    // A crowd of due jobs that the claimer may not have must not hide one behind them.
    if (jobs.length >= request.leaseIds.length || promoted === 0) return jobs;
  }
}

function isDue(at: number | null, now: number): boolean {
  return at !== null && at <= now;
}

/** Claims what is ready until there are as many jobs as leases. */
function* claimHeads(
  dialect: SqlDialect,
  routes: readonly JobRoute[],
  request: ClaimRequest,
  jobs: JobRecord[],
): Verb<void> {
  const { workerId, leaseMs, leaseIds, now } = request;
  const matching = routes.filter((route) => routeMatches(route, request)).map((route) => route.id);
  const wanted = leaseIds.length - jobs.length;
  if (matching.length === 0 || wanted === 0) return;
  for (const row of yield* dialect.readyHeads(matching, wanted)) {
    const leaseId = leaseIds[jobs.length];
    if (leaseId === undefined) return;
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

import { decideJob, type JobRecord } from '@proofhouse/core';
import type { Claimed, ClaimRequest, Passed, ReadyJob } from '../../../jobs/job-store.ts';
import { timeAt, type StoreTime } from '../../../kernel/time/store-time.ts';
import { nameOfKey, nameResource, releaseKey, useKeys } from '../records/idempotency.ts';
import { jobFromRow } from './job-row.ts';
import { lastOf, type JobRoutes, type NumberedRoute } from './job-routes.ts';
import { endExpired, promoteDue } from './job-sweep.ts';
import { writeChanges, type JobChange } from './job-writes.ts';
import { isDue, lookAhead, type QueueOutlook } from './due-times.ts';
import type { JobRow } from '../engine/schema.ts';
import { statement } from '../engine/statement.ts';
import type { QueueDialect, RouteSet } from './queue-dialect.ts';
import { textList } from '../engine/sql-syntax.ts';
import { rows, type Verb } from '../engine/verb.ts';

/** Leases that a claim ends on its way: the sweeper does the rest. */
const expiredPerClaim = 20;
/** Delayed jobs that a claim makes ready at a time. */
const promotedAtOnce = 200;

const jobsByIds = statement<{ ids: string }>()((db, p, syntax) =>
  db.selectFrom('jobs').selectAll().where(syntax.among('id', p.ids)),
);

/** A claim on its way through a verb. */
interface Claimant {
  readonly request: ClaimRequest;
  readonly jobs: JobRecord[];
}

export interface ClaimedAll {
  readonly answers: Claimed[];
  /** All that were read, to be learnt. */
  readonly routes: readonly NumberedRoute[];
}

/**
 * Serves claims of the same moment together, in their order: those that may have the same jobs share one look
 * into the queue, and one by one they take what it found.
 */
export function* claimAll(
  dialect: QueueDialect,
  known: JobRoutes,
  requests: readonly ClaimRequest[],
  storeTime: StoreTime,
): Verb<ClaimedAll> {
  const time = latest(requests, storeTime);
  const keyed = yield* answersOfKeys(dialect, requests, time);
  const claimants = requests.map((request): Claimant => ({ request, jobs: [] }));
  const open = claimants.filter(({ request }) => !keyed.has(request));
  const { passed, routes } = open.length > 0 ? yield* claimReady(dialect, known, open, time) : nothingDone;
  for (const { request, jobs } of open) yield* keepKey(request, jobs);
  const told = passed.ended.length > 0 || passed.ready.length > 0 ? open[0] : undefined;
  const answers = claimants.map((claimant): Claimed => {
    const { request, jobs } = claimant;
    return keyed.get(request) ?? { outcome: 'claimed', jobs, ...(claimant === told ? { passed } : {}) };
  });
  return { answers, routes };
}

function latest(requests: readonly ClaimRequest[], time: StoreTime): StoreTime {
  const named = requests.flatMap(({ now }) => now ?? []);
  return timeAt(named.length === 0 ? undefined : Math.max(...named), time);
}

/** What claims did on their way, and what they read; the jobs go to the claimants. */
interface Done {
  readonly passed: Passed;
  readonly routes: readonly NumberedRoute[];
}

const nothingDone: Done = { passed: { ended: [], ready: [] }, routes: [] };

/** Two claims of one key must not be served together: the second has to see what the first was given. */
export function keyOfClaim({ idempotency }: ClaimRequest): string | undefined {
  return idempotency && nameOfKey(idempotency);
}

/** What to answer to claims whose key was used before. */
function* answersOfKeys(
  dialect: QueueDialect,
  requests: readonly ClaimRequest[],
  { now, leasesAt }: StoreTime,
): Verb<ReadonlyMap<ClaimRequest, Claimed>> {
  const keyed = requests.flatMap((request) =>
    request.idempotency === undefined ? [] : [{ request, key: { ...request.idempotency, resourceId: '[]' } }],
  );
  const answers = new Map<ClaimRequest, Claimed>();
  if (keyed.length === 0) return answers;
  const keys = keyed.map(({ key }) => key);
  const uses = yield* useKeys(dialect, keys, now);
  for (const { request, key } of keyed) {
    const known = uses.get(key);
    if (known?.use === 'conflict') answers.set(request, { outcome: 'conflict' });
    if (known?.use === 'repeated')
      answers.set(request, { outcome: 'repeated', jobs: yield* stillHeld(known.resourceId, leasesAt) });
  }
  return answers;
}

function* keepKey({ idempotency }: ClaimRequest, jobs: readonly JobRecord[]): Verb<void> {
  if (idempotency === undefined) return;
  if (jobs.length === 0) yield* releaseKey(idempotency);
  else yield* nameResource(idempotency, JSON.stringify(jobs.map(({ id, leaseId }) => [id, leaseId])));
}

function* claimReady(
  dialect: QueueDialect,
  known: JobRoutes,
  claimants: readonly Claimant[],
  time: StoreTime,
): Verb<Done> {
  const { now, leasesAt } = time;
  let outlook = yield* claimForeseen(dialect, known, claimants, time);
  if (outlook === undefined) return nothingDone;
  const ended = isDue(outlook.leaseAt, leasesAt) ? yield* endExpired(dialect, time, expiredPerClaim) : [];
  const ready: ReadyJob[] = [];
  let turn = false;
  let routes: readonly NumberedRoute[];
  for (;;) {
    const due = isDue(outlook.delayedAt, now);
    if (due && !turn) turn = yield* dialect.turn('promotion', 'leave');
    const promoted = due && turn ? yield* promoteDue(known, now, promotedAtOnce) : [];
    ready.push(...promoted);
    // Also when there was nothing to promote: whoever had the turn before may have done it since the last look.
    if (due && turn) outlook = yield* lookAhead();
    routes = yield* known.upTo(outlook.lastRoute);
    for (const alike of byRoutes(known, routes, claimants)) yield* claimHeads(dialect, alike, now);
    if (claimants.every((claimant) => wanted(claimant) === 0)) break;
    if (due && !turn) {
      // Due jobs are being made ready elsewhere: they are worth waiting for, once nothing else was found.
      turn = yield* dialect.turn('promotion', 'wait');
      outlook = yield* lookAhead();
    } else if (promoted.length === 0) {
      // Until then: a crowd of due jobs that the claimer may not have must not hide one behind them.
      break;
    }
  }
  const claimed = new Set(claimants.flatMap(({ jobs }) => jobs.map((job) => job.id)));
  return { passed: { ended, ready: ready.filter(({ jobId }) => !claimed.has(jobId)) }, routes };
}

/**
 * Claimants who may have the same jobs take them in the trip that looks ahead, when there is nothing else to do: nearly always.
 * Undefined then; otherwise what lies ahead, with nothing claimed.
 */
function* claimForeseen(
  dialect: QueueDialect,
  known: JobRoutes,
  claimants: readonly Claimant[],
  time: StoreTime,
): Verb<QueueOutlook | undefined> {
  const routes = known.known;
  const [alike, ...others] = byRoutes(known, routes, claimants);
  if (alike === undefined || others.length > 0) return yield* lookAhead();
  const foreseen = { lastRoute: lastOf(routes), ...time };
  const { outlook, heads } = yield* dialect.outlookAndHeads(alike.routes, wantedByAll(alike), foreseen);
  if (heads === undefined) return outlook;
  yield* take(dialect, alike, heads, time.now);
  return undefined;
}

function wanted({ request, jobs }: Claimant): number {
  return request.leaseIds.length - jobs.length;
}

interface Alike {
  readonly routes: RouteSet;
  readonly claimants: Claimant[];
}

/** Claimants that want more, together with those that may have jobs of just the same routes. */
function byRoutes(known: JobRoutes, routes: readonly NumberedRoute[], claimants: readonly Claimant[]): Iterable<Alike> {
  const groups = new Map<string, Alike>();
  for (const claimant of claimants) {
    if (wanted(claimant) === 0) continue;
    const matching = known.matching(routes, claimant.request);
    const group = groups.get(matching.name) ?? { routes: matching, claimants: [] };
    group.claimants.push(claimant);
    if (matching.ids.size > 0) groups.set(matching.name, group);
  }
  return groups.values();
}

/** Claims what is ready until there are as many jobs as leases. */
function* claimHeads(dialect: QueueDialect, alike: Alike, now: number): Verb<void> {
  yield* take(dialect, alike, yield* dialect.readyHeads(alike.routes, wantedByAll(alike)), now);
}

function wantedByAll({ claimants }: Alike): number {
  return claimants.reduce((sum, claimant) => sum + wanted(claimant), 0);
}

function* take(dialect: QueueDialect, { claimants }: Alike, heads: readonly JobRow[], time: number): Verb<void> {
  const changes: JobChange[] = [];
  let next = 0;
  for (const claimant of claimants) {
    const { workerId, leaseMs, leaseIds, now = time } = claimant.request;
    for (
      let leaseId = leaseIds[claimant.jobs.length];
      leaseId !== undefined;
      leaseId = leaseIds[claimant.jobs.length]
    ) {
      const row = heads[next++];
      if (row === undefined) break;
      const decision = decideJob(jobFromRow(row), { kind: 'claim', workerId, leaseId, leaseMs }, now);
      if (decision.outcome !== 'changed') continue;
      changes.push({ row, decision, now });
      claimant.jobs.push(decision.job);
    }
  }
  yield* writeChanges(dialect, changes);
}

/** The jobs of a repeated claim that are held under its leases, as they are now, in the order of the first answer. */
function* stillHeld(resourceId: string, leasesAt: number): Verb<JobRecord[]> {
  // An older version named no leases: of its claims none is given again.
  const given = JSON.parse(resourceId) as (readonly [jobId: string, leaseId: string])[];
  const found = yield* rows(jobsByIds, { ids: textList(given.map(([id]) => id)) });
  const jobs = new Map(found.map((row) => [row.id, jobFromRow(row)]));
  return given.flatMap(([id, leaseId]) => {
    const job = jobs.get(id);
    const holds = job?.status === 'running' && job.leaseId === leaseId && (job.leaseExpiresAt ?? 0) > leasesAt;
    return holds ? job : [];
  });
}

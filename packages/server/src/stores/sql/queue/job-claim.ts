import { decideJob, type JobRecord } from '@proofhouse/core';
import type { Claimed, ClaimRequest, Passed, ReadyJob } from '../../../jobs/job-store.ts';
import { timeAt, type StoreTime } from '../../../kernel/time/store-time.ts';
import { nameOfKey, nameResource, releaseKey, useKeys } from '../records/idempotency.ts';
import { jobFromRow } from './job-row.ts';
import type { RouteCache, RouteList } from './route-cache.ts';
import { endExpired, promoteDue } from './job-sweep.ts';
import { writeChanges, type JobChange } from './job-writes.ts';
import { isDue, readDueTimes, type DueTimes } from './due-times.ts';
import type { JobRow } from '../engine/schema.ts';
import { statement } from '../engine/statement.ts';
import type { QueueDialect, RouteSet } from './queue-dialect.ts';
import { textList } from '../engine/sql-syntax.ts';
import { rows, type Verb } from '../engine/verb.ts';

/** Largest number of expired leases that one claim ends. The next sweep ends the others. */
const expiredPerClaim = 20;
/** Largest number of due jobs that a claim promotes in one batch. */
const promotedPerBatch = 200;

const jobsByIds = statement<{ ids: string }>()((db, p, syntax) =>
  db.selectFrom('jobs').selectAll().where(syntax.among('id', p.ids)),
);

/** A claim request, and the jobs that were claimed for it so far. */
interface Claimant {
  readonly request: ClaimRequest;
  readonly jobs: JobRecord[];
}

export interface ClaimedAll {
  readonly answers: Claimed[];
  /**
   * The routes that the transaction read, which the caller must pass to `RouteCache.fill` after the commit. Undefined
   * if it read none.
   */
  readonly routes: RouteList | undefined;
}

/**
 * Runs a batch of claims in order. Claims whose scopes match the same routes share one query for candidates. The first
 * claim gets the first jobs that the query returns, the second claim the next ones, and so on.
 */
export function* claimAll(
  dialect: QueueDialect,
  cache: RouteCache,
  requests: readonly ClaimRequest[],
  storeTime: StoreTime,
): Verb<ClaimedAll> {
  const time = latest(requests, storeTime);
  const keyed = yield* answersOfKeys(dialect, requests, time);
  const claimants = requests.map((request): Claimant => ({ request, jobs: [] }));
  const open = claimants.filter(({ request }) => !keyed.has(request));
  const { passed, routes } = open.length > 0 ? yield* claimReady(dialect, cache, open, time) : nothingDone;
  for (const { request, jobs } of open) yield* keepKey(request, jobs);
  // Only one answer of the batch reports the ended leases and the promoted jobs. So the hints about them are published
  // once.
  const reporter = passed.ended.length > 0 || passed.ready.length > 0 ? open[0] : undefined;
  const answers = claimants.map((claimant): Claimed => {
    const { request, jobs } = claimant;
    return keyed.get(request) ?? { outcome: 'claimed', jobs, ...(claimant === reporter ? { passed } : {}) };
  });
  return { answers, routes };
}

function latest(requests: readonly ClaimRequest[], time: StoreTime): StoreTime {
  const named = requests.flatMap(({ now }) => now ?? []);
  return timeAt(named.length === 0 ? undefined : Math.max(...named), time);
}

/** Side effects of a batch of claims: the leases that it ended, the jobs that it promoted, and the routes that it read. */
interface Done {
  readonly passed: Passed;
  readonly routes: RouteList | undefined;
}

const nothingDone: Done = { passed: { ended: [], ready: [] }, routes: undefined };

/**
 * Returns the name of the claim's idempotency key. Claims with the same key must not be in one batch, because the
 * second claim must see the result of the first.
 */
export function keyOfClaim({ idempotency }: ClaimRequest): string | undefined {
  return idempotency && nameOfKey(idempotency);
}

/** Returns answers for the claims whose idempotency key was used by an earlier claim. */
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
    const used = uses.get(key);
    if (used?.use === 'conflict') answers.set(request, { outcome: 'conflict' });
    if (used?.use === 'repeated')
      answers.set(request, { outcome: 'repeated', jobs: yield* stillHeld(used.resourceId, leasesAt) });
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
  cache: RouteCache,
  claimants: readonly Claimant[],
  time: StoreTime,
): Verb<Done> {
  const { now, leasesAt } = time;
  let dueTimes = yield* claimIfNothingDue(dialect, cache, claimants, time);
  if (dueTimes === undefined) return nothingDone;
  const ended = isDue(dueTimes.leaseAt, leasesAt) ? yield* endExpired(dialect, time, expiredPerClaim) : [];
  const ready: ReadyJob[] = [];
  let locked = false;
  let routes: RouteList;
  for (;;) {
    const due = isDue(dueTimes.delayedAt, now);
    if (due && !locked) locked = yield* dialect.advisoryLock('promotion', 'skip');
    const promoted = due && locked ? yield* promoteDue(cache, now, promotedPerBatch) : [];
    ready.push(...promoted);
    // The due times must be read again, even if this claim promoted no job. Another transaction may have promoted jobs
    // after the first read, before it released the advisory lock.
    if (due && locked) dueTimes = yield* readDueTimes();
    routes = yield* cache.readUpTo(dueTimes.lastRoute);
    for (const group of groupByRoutes(cache, routes, claimants)) yield* claimCandidates(dialect, group, now);
    if (claimants.every((claimant) => wanted(claimant) === 0)) break;
    if (due && !locked) {
      // Another transaction is promoting due jobs now. This claim has found too few jobs, so it waits for the advisory
      // lock. It then sees the jobs that the other transaction promoted.
      locked = yield* dialect.advisoryLock('promotion', 'wait');
      dueTimes = yield* readDueTimes();
    } else if (promoted.length === 0) {
      // No due job is left, so the loop ends. It must not end while some are left. Many due jobs outside the scope may
      // precede a due job within the scope.
      break;
    }
  }
  const claimed = new Set(claimants.flatMap(({ jobs }) => jobs.map((job) => job.id)));
  return { passed: { ended, ready: ready.filter(({ jobId }) => !claimed.has(jobId)) }, routes };
}

/**
 * Handles the usual case: the scopes of all claims match the same routes, and no lease has expired and no delay has
 * ended. It then claims candidates and returns undefined. In all other cases it claims nothing and returns the due
 * times.
 */
function* claimIfNothingDue(
  dialect: QueueDialect,
  cache: RouteCache,
  claimants: readonly Claimant[],
  time: StoreTime,
): Verb<DueTimes | undefined> {
  const routes = cache.list;
  const [group, ...others] = groupByRoutes(cache, routes, claimants);
  const dueTimes = yield* readDueTimes();
  if (group === undefined || others.length > 0) return dueTimes;
  if (dueTimes.lastRoute > routes.last || isDue(dueTimes.leaseAt, time.leasesAt)) return dueTimes;
  if (isDue(dueTimes.delayedAt, time.now)) return dueTimes;
  yield* claimCandidates(dialect, group, time.now);
  return undefined;
}

function wanted({ request, jobs }: Claimant): number {
  return request.leaseIds.length - jobs.length;
}

interface ClaimGroup {
  readonly routes: RouteSet;
  readonly claimants: Claimant[];
}

/** Puts those claims into groups that need more jobs. The claims of a group have scopes that match the same routes. */
function groupByRoutes(cache: RouteCache, routes: RouteList, claimants: readonly Claimant[]): Iterable<ClaimGroup> {
  const groups = new Map<string, ClaimGroup>();
  for (const claimant of claimants) {
    if (wanted(claimant) === 0) continue;
    const matching = cache.matching(routes, claimant.request);
    const group = groups.get(matching.name) ?? { routes: matching, claimants: [] };
    group.claimants.push(claimant);
    if (matching.ids.size > 0) groups.set(matching.name, group);
  }
  return groups.values();
}

/**
 * Claims candidates for a group of claims. Ends when each lease id of these claims has a job, or when no candidate is
 * left.
 */
function* claimCandidates(dialect: QueueDialect, group: ClaimGroup, now: number): Verb<void> {
  yield* take(dialect, group, yield* dialect.claimCandidates(group.routes, wantedByAll(group)), now);
}

function wantedByAll({ claimants }: ClaimGroup): number {
  return claimants.reduce((sum, claimant) => sum + wanted(claimant), 0);
}

function* take(
  dialect: QueueDialect,
  { claimants }: ClaimGroup,
  candidates: readonly JobRow[],
  time: number,
): Verb<void> {
  const changes: JobChange[] = [];
  let next = 0;
  for (const claimant of claimants) {
    const { workerId, leaseMs, leaseIds, now = time } = claimant.request;
    for (
      let leaseId = leaseIds[claimant.jobs.length];
      leaseId !== undefined;
      leaseId = leaseIds[claimant.jobs.length]
    ) {
      const row = candidates[next++];
      if (row === undefined) break;
      const decision = decideJob(jobFromRow(row), { kind: 'claim', workerId, leaseId, leaseMs }, now);
      if (decision.outcome !== 'changed') continue;
      changes.push({ row, decision, now });
      claimant.jobs.push(decision.job);
    }
  }
  yield* writeChanges(dialect, changes);
}

/**
 * Returns the answer to a repeated claim: the jobs of the first claim in the same order. Jobs whose lease from the
 * first claim has ended are omitted.
 */
function* stillHeld(resourceId: string, leasesAt: number): Verb<JobRecord[]> {
  // A row that an older version wrote contains job ids but no lease ids. Its jobs are omitted.
  const given = JSON.parse(resourceId) as (readonly [jobId: string, leaseId: string])[];
  const found = yield* rows(jobsByIds, { ids: textList(given.map(([id]) => id)) });
  const jobs = new Map(found.map((row) => [row.id, jobFromRow(row)]));
  return given.flatMap(([id, leaseId]) => {
    const job = jobs.get(id);
    const holds = job?.status === 'running' && job.leaseId === leaseId && (job.leaseExpiresAt ?? 0) > leasesAt;
    return holds ? job : [];
  });
}

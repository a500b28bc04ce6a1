import type { JobRecord } from '@proofhouse/core';
import type { JobRoute } from '../../../jobs/job-route.ts';
import type { Enqueued, EnqueueRequest } from '../../../jobs/job-store.ts';
import { nameOfKey, useKeys } from '../records/idempotency.ts';
import { findJob } from './job-reads.ts';
import type { RouteCache } from './route-cache.ts';
import { jobFromRow, jobToRow } from './job-row.ts';
import type { QueueDialect } from './queue-dialect.ts';
import { first, Undo, type Verb } from '../engine/verb.ts';

export interface EnqueuedAll {
  readonly answers: Enqueued[];
  readonly routes: readonly JobRoute[];
}

/**
 * Returns the name of the request's idempotency key. Requests with the same key must not be in one batch, because the
 * second request must see the job of the first.
 */
export function keyOfEnqueue({ idempotency }: EnqueueRequest): string | undefined {
  return idempotency && nameOfKey(idempotency);
}

/**
 * Adds a batch of jobs. On Postgres, a job in a batch of eight or more takes a third of the time that it takes alone.
 * The verb must run in `RouteCache.addJobs`.
 */
export function* enqueueAll(
  dialect: QueueDialect,
  cache: RouteCache,
  requests: readonly EnqueueRequest[],
): Verb<EnqueuedAll> {
  const answers = yield* answersOfKeys(dialect, requests);
  const fresh = requests.filter((request) => !answers.has(request)).map(({ job }) => job);
  const routes = yield* insertJobs(dialect, cache, fresh);
  return {
    answers: requests.map((request) => answers.get(request) ?? { outcome: 'added', job: request.job }),
    routes,
  };
}

/**
 * Inserts new jobs with their `queued` events. Returns the routes of the jobs, because a verb that runs in
 * `RouteCache.addJobs` must return them.
 */
export function* insertJobs(dialect: QueueDialect, cache: RouteCache, jobs: readonly JobRecord[]): Verb<JobRoute[]> {
  const routes = yield* cache.intern(dialect, jobs);
  yield* dialect.insertJobs(jobs.map((job, index) => jobToRow(job, routes[index]?.id ?? '', job.createdAt)));
  return routes;
}

/** Adds a batch of jobs, all or none: the transaction is rolled back when an idempotency key conflicts. */
export function* enqueueTogether(
  dialect: QueueDialect,
  cache: RouteCache,
  requests: readonly EnqueueRequest[],
): Verb<EnqueuedAll> {
  const enqueued = yield* enqueueAll(dialect, cache, requests);
  const conflicts = enqueued.answers.some(({ outcome }) => outcome === 'conflict');
  if (conflicts) throw new Undo({ answers: enqueued.answers, routes: [] } satisfies EnqueuedAll);
  return enqueued;
}

/** Returns answers for the requests whose idempotency key was used by an earlier request. */
function* answersOfKeys(
  dialect: QueueDialect,
  requests: readonly EnqueueRequest[],
): Verb<ReadonlyMap<EnqueueRequest, Enqueued>> {
  const keyed = requests.flatMap((request) =>
    request.idempotency === undefined ? [] : [{ request, key: request.idempotency }],
  );
  const answers = new Map<EnqueueRequest, Enqueued>();
  if (keyed.length === 0) return answers;
  const now = Math.max(...requests.map(({ job }) => job.createdAt));
  const keys = keyed.map(({ key }) => key);
  const uses = yield* useKeys(dialect, keys, now);
  for (const { request, key } of keyed) {
    const used = uses.get(key);
    if (used?.use === 'conflict') answers.set(request, { outcome: 'conflict' });
    if (used?.use !== 'repeated') continue;
    const row = yield* first(findJob, { id: used.resourceId });
    if (row === undefined) throw new Error(`An idempotency key names job ${used.resourceId}, which does not exist.`);
    answers.set(request, { outcome: 'repeated', job: jobFromRow(row) });
  }
  return answers;
}

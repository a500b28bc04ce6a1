import { AppError, holderOfJob, jobToJson, type JobRecord, type Principal } from '@proofhouse/core';
import type { JsonHandlers } from '../../calls/operation-call.ts';
import type { JobResult } from '../../jobs/each-job.ts';
import { holderOf, type Holder } from '../../jobs/job-holder.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import type { QueueDepths } from '../../jobs/queue-depths.ts';

type JobOperations =
  | 'createJob'
  | 'createJobs'
  | 'listJobs'
  | 'getJob'
  | 'claimJob'
  | 'heartbeatJob'
  | 'completeJob'
  | 'completeJobs'
  | 'failJob'
  | 'cancelJob'
  | 'ackCancel'
  | 'retryJob'
  | 'cancelJobs'
  | 'retryJobs'
  | 'explainJob';

/** Returns the handlers for jobs: create, list, read, claim, renew, complete, fail, cancel, retry and explain. */
export function jobHandlers(jobs: Jobs): Pick<JsonHandlers, JobOperations> {
  return {
    createJob: async ({ principal, body, idempotencyKey }) => {
      const { idempotencyKey: alias, ...input } = body;
      const { job, created } = await jobs.create(principal, input, sameValue('idempotencyKey', idempotencyKey, alias));
      return created ? { body: show(jobs, principal, job) } : { status: 200, body: show(jobs, principal, job) };
    },
    createJobs: async ({ principal, body, idempotencyKey }) => {
      const made = await jobs.createMany(principal, body.items ?? body.jobs ?? [], idempotencyKey);
      const results = made.map(({ job, created }) => ({ jobId: job.id, created, job: show(jobs, principal, job) }));
      return made.some(({ created }) => created) ? { body: { results } } : { status: 200, body: { results } };
    },
    listJobs: async ({ principal, query }) => {
      const { items, nextCursor } = await jobs.list(principal, query);
      const only = principal.kind === 'worker' ? { only: 'own' as const } : {};
      return { body: { items: items.map((job) => show(jobs, principal, job)), nextCursor, ...only } };
    },
    getJob: async ({ principal, params }) => {
      return { body: show(jobs, principal, await jobs.get(principal, params.jobId)) };
    },
    claimJob: async ({ principal, body, idempotencyKey, software, waitSignal, reauthenticate }) => {
      const options = { key: idempotencyKey, version: software, signal: waitSignal, reauthenticate };
      // A repeated claim returns the jobs of the first claim in their current state. Another worker may hold such a job
      // now, so its lease is shown only if the caller holds it.
      const claimer = holderOf(principal, body.workerId);
      const claimed = (await jobs.claim(principal, body, options)).map((job) =>
        jobToJson(job, { showLease: holderOfJob(job) === claimer, type: jobs.typeOf(job) }),
      );
      return { body: body.maxJobs === undefined ? { job: claimed[0] ?? null } : { jobs: claimed } };
    },
    heartbeatJob: async ({ principal, params, body, leaseId }) => {
      const holder = holderFrom(principal, body, leaseId);
      return { body: showToHolder(jobs, await jobs.heartbeat(holder, params.jobId, body.leaseSeconds)) };
    },
    completeJob: async ({ principal, params, body, leaseId }) => {
      const holder = holderFrom(principal, body, leaseId);
      return { body: showToHolder(jobs, await jobs.complete(holder, params.jobId, body)) };
    },
    failJob: async ({ principal, params, body, leaseId }) => {
      const holder = holderFrom(principal, body, leaseId);
      return { body: showToHolder(jobs, await jobs.fail(holder, params.jobId, body)) };
    },
    completeJobs: async ({ principal, body }) => {
      const results = await jobs.completeMany(holderOf(principal, body.workerId), body.items);
      return { body: { results: results.map((result) => shownResult(result, (job) => showToHolder(jobs, job))) } };
    },
    ackCancel: async ({ principal, params, body, leaseId }) => {
      const holder = holderFrom(principal, body, leaseId);
      return { body: showToHolder(jobs, await jobs.acknowledge(holder, params.jobId, body)) };
    },
    cancelJob: async ({ principal, params, body }) => {
      return { body: show(jobs, principal, await jobs.cancel(principal, params.jobId, body.reason)) };
    },
    retryJob: async ({ principal, params }) => {
      return { body: show(jobs, principal, await jobs.retry(principal, params.jobId)) };
    },
    cancelJobs: async ({ principal, body }) => {
      const results = await jobs.cancelMany(principal, body.items, body.reason);
      return { body: { results: results.map((result) => shownResult(result, (job) => show(jobs, principal, job))) } };
    },
    retryJobs: async ({ principal, body }) => {
      const results = await jobs.retryMany(principal, body.items);
      return { body: { results: results.map((result) => shownResult(result, (job) => show(jobs, principal, job))) } };
    },
    explainJob: async ({ params }) => {
      return { body: await jobs.why(params.jobId) };
    },
  };
}

/** Returns the handler that counts the unfinished jobs. */
export function depthHandlers(depths: QueueDepths): Pick<JsonHandlers, 'readDepth'> {
  return { readDepth: async () => ({ body: await depths.read() }) };
}

function shownResult<Shown>(result: JobResult, shown: (job: JobRecord) => Shown) {
  return 'job' in result ? { ...result, job: shown(result.job) } : result;
}

/**
 * Returns the worker for which a call is made, and the lease id of the call. The worker is that of the credential. The
 * credential of the admin has none, so the body field `workerId` names the worker. The lease id is in the header or in
 * the body field `leaseId`.
 */
export function holderFrom(
  principal: Principal,
  body: { workerId?: string | null | undefined; leaseId?: string | null | undefined },
  leaseId: string | undefined,
): Holder {
  return { workerId: holderOf(principal, body.workerId), leaseId: sameValue('leaseId', leaseId, body.leaseId) };
}

/**
 * Returns a value that the client may send as a header or as a body field. Throws `invalid_request` when it sends both and
 * they differ.
 */
export function sameValue(
  field: string,
  header: string | undefined,
  alias: string | null | undefined,
): string | undefined {
  if (header !== undefined && alias != null && header !== alias) {
    throw new AppError('invalid_request', `${field}: the header and the body carry different values.`, {
      errors: [{ path: field, message: 'differs from the header' }],
    });
  }
  return header ?? alias ?? undefined;
}

// Returns the JSON of a job. It contains the lease id only if the caller holds the lease, because whoever has the lease
// id can write to the job.
function show(jobs: Jobs, principal: Principal, job: JobRecord) {
  const showLease = principal.kind === 'worker' && principal.workerId === holderOfJob(job);
  return jobToJson(job, { showLease, type: jobs.typeOf(job) });
}

function showToHolder(jobs: Jobs, job: JobRecord) {
  return jobToJson(job, { showLease: true, type: jobs.typeOf(job) });
}

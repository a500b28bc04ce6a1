import { AppError, jobToWire, type JobRecord, type Principal } from '@proofhouse/core';
import { holderOf, type Holder } from '../../jobs/job-holder.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { abortSignalOf } from '../abort-signal.ts';
import type { Handlers } from '../operation-route.ts';

type JobOperations = 'createJob' | 'listJobs' | 'getJob' | 'claimJob' | 'heartbeatJob' | 'completeJob' | 'failJob';

/** The queue over HTTP. */
export function jobHandlers(jobs: Jobs): Pick<Handlers, JobOperations> {
  return {
    createJob: async ({ principal, body, idempotencyKey }) => {
      const { idempotencyKey: alias, ...input } = body;
      const { job, created } = await jobs.create(principal, input, sameValue('idempotencyKey', idempotencyKey, alias));
      return created ? { body: show(principal, job) } : { status: 200, body: show(principal, job) };
    },
    listJobs: async ({ principal, query }) => {
      const { items, nextCursor } = await jobs.list(principal, query);
      return { body: { items: items.map((job) => show(principal, job)), nextCursor } };
    },
    getJob: async ({ principal, params }) => {
      return { body: show(principal, await jobs.get(principal, params.jobId)) };
    },
    claimJob: async ({ principal, body, idempotencyKey, reply }) => {
      const signal = abortSignalOf(reply);
      const job = await jobs.claim(principal, body, { key: idempotencyKey, signal });
      // A repeated claim gives its job as it is now, which another worker may hold.
      const claimer = holderOf(principal, body.workerId);
      return { body: { job: job === null ? null : jobToWire(job, { showLease: job.claimedBy === claimer }) } };
    },
    heartbeatJob: async ({ principal, params, body, leaseId }) => {
      const holder = holderFrom(principal, body, leaseId);
      return { body: showToHolder(await jobs.heartbeat(holder, params.jobId, body.leaseSeconds)) };
    },
    completeJob: async ({ principal, params, body, leaseId }) => {
      const holder = holderFrom(principal, body, leaseId);
      return { body: showToHolder(await jobs.complete(holder, params.jobId, body.resultSummary)) };
    },
    failJob: async ({ principal, params, body, leaseId }) => {
      const holder = holderFrom(principal, body, leaseId);
      return { body: showToHolder(await jobs.fail(holder, params.jobId, body.errorMessage, body.retryable)) };
    },
  };
}

/** Who holds, from the credential, and under which lease, from the header or its alias in the body. */
function holderFrom(
  principal: Principal,
  body: { workerId?: string | null | undefined; leaseId?: string | null | undefined },
  leaseId: string | undefined,
): Holder {
  return { workerId: holderOf(principal, body.workerId), leaseId: sameValue('leaseId', leaseId, body.leaseId) };
}

/** A value that may come as header and as field, but not as two different ones. */
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

// The lease is shown to its holder alone: whoever knows it can write to the job.
function show(principal: Principal, job: JobRecord) {
  return jobToWire(job, { showLease: principal.kind === 'worker' && principal.workerId === job.claimedBy });
}

function showToHolder(job: JobRecord) {
  return jobToWire(job, { showLease: true });
}

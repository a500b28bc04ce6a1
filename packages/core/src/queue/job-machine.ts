import type { ErrorCode } from '../error-codes.ts';
import { holderOfJob, type JobRecord, type WorkerEnding } from './job.ts';
import { finishInEvent, type JobFinish } from './job-finish.ts';
import { finalStatuses, type JobStatus } from './job-status.ts';
import { maxEventMessageBytes, type JobEventDraft } from './job-event.ts';
import { backOffMs } from '../values/back-off.ts';
import { mergedFindings, type SecretFindings } from '../values/secret-findings.ts';
import { beginningOf, utf8Bytes } from '../values/wire-values.ts';

/**
 * A command to the state machine of a job, which consists of a table and pure functions. A store reads a job, calls
 * `decideJob`, and writes the decision in the same transaction. The database engines have no rules of their own.
 */
export type JobCommand =
  | { readonly kind: 'claim'; readonly workerId: string; readonly leaseId: string; readonly leaseMs: number }
  | { readonly kind: 'renew'; readonly fence: Fence; readonly leaseMs: number }
  | ({ readonly kind: 'complete'; readonly fence: Fence; readonly resultSummary: string | null } & Finishing)
  | ({
      readonly kind: 'fail';
      readonly fence: Fence;
      readonly errorMessage: string;
      readonly retryable: boolean;
    } & Finishing)
  | ({ readonly kind: 'ack'; readonly fence: Fence; readonly message: string | null } & Finishing)
  | { readonly kind: 'expire' }
  | ({ readonly kind: 'cancel'; readonly actor: string; readonly reason: string | null } & Found)
  | { readonly kind: 'retry'; readonly actor: string };

/** The common field of all commands that contain texts. */
interface Found {
  /** Secrets in the texts of the command. They are added to those of the job. */
  readonly findings?: SecretFindings | null;
}

/** The common fields of all commands by which a worker ends its attempt. */
interface Finishing extends Found {
  readonly finish?: JobFinish | null;
}

export type JobCommandKind = JobCommand['kind'];

/** All transitions of a job: command -> status before -> statuses that the command may lead to. */
export const jobMoves: Readonly<Record<JobCommandKind, Partial<Record<JobStatus, readonly JobStatus[]>>>> = {
  claim: { queued: ['running'] },
  renew: { running: ['running'] },
  complete: { running: ['succeeded'] },
  fail: { running: ['failed', 'queued', 'dead_letter', 'cancelled'] },
  ack: { running: ['cancelled'] },
  expire: { running: ['queued', 'dead_letter', 'cancelled'] },
  cancel: { queued: ['cancelled'], running: ['running'] },
  retry: { failed: ['queued'], dead_letter: ['queued'] },
};

/**
 * The worker that makes a call, and its lease id if given. Both are compared with the holder and the lease of the job.
 * Without `leaseId` only the worker is compared.
 */
export interface Fence {
  readonly workerId: string;
  readonly leaseId: string | undefined;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

export type JobDecision =
  | { readonly outcome: 'changed'; readonly job: JobRecord; readonly events: readonly JobEventDraft[] }
  | { readonly outcome: 'unchanged'; readonly job: JobRecord }
  | { readonly outcome: 'refused'; readonly refusal: Refusal };

/**
 * Delay in milliseconds after the expiry of a lease, before the job can be claimed again. Without it, a job that
 * crashes its workers would be claimed again and again without a pause.
 */
export const expiryDelayMs = 1000;

/** Returns the delay in milliseconds before attempt `attempt + 1`: 15 s, doubled with each attempt, at most 600 s. */
export function retryDelayMs(attempt: number): number {
  return backOffMs(attempt, { firstMs: 15_000, maxMs: 600_000 });
}

/**
 * Returns the decision about `command` on `job` at `now` (epoch ms). Never mutates `job` and never throws. Leases that
 * end at or before `leasesAt` (epoch ms) have expired. `leasesAt` differs from `now` only for some time after the clock
 * of the store was set forward.
 */
export function decideJob(job: JobRecord, command: JobCommand, now: number, leasesAt = now): JobDecision {
  switch (command.kind) {
    case 'claim':
      return guarded(job, command.kind) ?? claimed(job, command, now);
    case 'renew':
      return fenced(job, command.fence, leasesAt) ?? renewed(job, command.leaseMs, now);
    case 'complete':
      return fenced(job, command.fence, leasesAt, 'complete') ?? completed(job, command, now);
    case 'fail':
      return fenced(job, command.fence, leasesAt, 'fail') ?? failed(job, command, now);
    case 'ack':
      return fenced(job, command.fence, leasesAt, 'ack') ?? acknowledged(job, command, now);
    case 'expire':
      return guarded(job, command.kind) ?? expired(job, now, leasesAt);
    case 'cancel':
      return cancelled(job, command, now);
    case 'retry':
      return guarded(job, command.kind) ?? retried(job, command.actor, now);
  }
}

/**
 * Returns undefined if the writer still holds the job, else the refusal. If the fence has a lease, it must be the
 * current lease and must not have expired. Otherwise the code is `lease_lost`, in every status of the job. If the fence
 * has no lease, its worker must hold the running job. Otherwise the code is `job_state_conflict` or
 * `job_ownership_mismatch`.
 */
export function checkFence(job: JobRecord, fence: Fence, now: number): Refusal | undefined {
  const past = job.leaseExpiresAt === null || job.leaseExpiresAt <= now;
  const holds = holderOfJob(job) === fence.workerId;
  if (fence.leaseId !== undefined) {
    return holds && job.leaseId === fence.leaseId && !past ? undefined : leaseLost(job);
  }
  if (job.status !== 'running') return stateConflict(job, 'the job is not running');
  if (!holds) return { code: 'job_ownership_mismatch', message: `Job ${job.id} is held by another worker.` };
  return past ? leaseLost(job) : undefined;
}

/** Time in milliseconds after the end of a job for which the worker that ended it may still append events. */
export const lastEventsMs = 60_000;

/**
 * Returns undefined if the writer may append events, else the refusal. Until `finishedAt + lastEventsMs`, the worker
 * that ended the job may append events, with its lease or without one. Otherwise the result is that of `checkFence`.
 */
export function checkEventFence(job: JobRecord, fence: Fence, now: number, leasesAt = now): Refusal | undefined {
  const late = job.finishedAt === null || now > job.finishedAt + lastEventsMs;
  return !late && endedJob(job, fence) ? undefined : checkFence(job, fence, leasesAt);
}

/**
 * Returns true if the last call of this worker ended the job. If the job was requeued after the attempt, returns false.
 */
function endedJob(job: JobRecord, { workerId, leaseId }: Fence): boolean {
  const byHolder = finalStatuses.includes(job.status) && job.endedBy !== null && job.attemptStartedAt !== null;
  return byHolder && job.lastClaimedBy === workerId && (leaseId === undefined || leaseId === job.leaseId);
}

/**
 * Returns a refusal with `lease_lost` if the lease has ended. Used before the body of a call is read. The call may
 * repeat the call that ended the last attempt of the job with this lease. It is then not refused here, because only the
 * transaction, which has the complete call, can decide this.
 */
export function checkLease(
  job: JobRecord,
  fence: Fence & { readonly leaseId: string },
  now: number,
): Refusal | undefined {
  return gaveBack(job, fence) ? undefined : checkFence(job, fence, now);
}

/**
 * Checks the fence of a command. Returns undefined if the command may continue, else the refusal of `checkFence` as a
 * decision. If a worker repeats the call that ended its attempt, with the same lease, the decision is `unchanged`, so
 * that the call succeeds again.
 */
function fenced(job: JobRecord, fence: Fence, now: number, ending?: WorkerEnding): JobDecision | undefined {
  if (ending !== undefined && job.endedBy === ending && gaveBack(job, fence)) return { outcome: 'unchanged', job };
  const refusal = checkFence(job, fence, now);
  return refusal === undefined ? undefined : { outcome: 'refused', refusal };
}

function guarded(job: JobRecord, kind: keyof typeof wrongState): JobDecision | undefined {
  if (jobMoves[kind][job.status] !== undefined) return undefined;
  return { outcome: 'refused', refusal: stateConflict(job, wrongState[kind]) };
}

/** The reasons for refusing a command that is not possible in the status of the job. */
const wrongState = {
  claim: 'only a queued job can be claimed',
  expire: 'only a running job has a lease that can pass',
  cancel: 'it has ended and can no longer be cancelled',
  retry: 'only a failed or dead-lettered job can be put back into the queue',
} as const;

function claimed(job: JobRecord, by: { workerId: string; leaseId: string; leaseMs: number }, now: number): JobDecision {
  const next: JobRecord = {
    ...job,
    status: 'running',
    lastClaimedBy: by.workerId,
    leaseId: by.leaseId,
    leaseExpiresAt: now + by.leaseMs,
    nextAttemptAt: null,
    startedAt: job.startedAt ?? now,
    attemptStartedAt: now,
    resultSummary: null,
    errorMessage: null,
    finish: null,
    endedBy: null,
    updatedAt: now,
  };
  const message = `Claimed by ${by.workerId}, attempt ${String(job.attempt)} of ${String(job.maxAttempts)}.`;
  return changed(next, { kind: 'claimed', level: 'info', message, payload: { workerId: by.workerId } });
}

// A renewal writes no event. Otherwise a long job would fill its log with them.
function renewed(job: JobRecord, leaseMs: number, now: number): JobDecision {
  return changed({ ...job, leaseExpiresAt: now + leaseMs, updatedAt: now });
}

function completed(job: JobRecord, by: { resultSummary: string | null } & Finishing, now: number): JobDecision {
  const { resultSummary, finish = null } = by;
  const outcome = {
    resultSummary,
    errorMessage: null,
    finish,
    findings: findingsAfter(job, by),
    endedBy: 'complete' as const,
  };
  const completion: JobEventDraft = { kind: 'completed', level: 'info', message: 'Completed.' };
  const payload = finishInEvent(finish);
  return changed(
    { ...ended(job, 'succeeded', now), ...outcome },
    Object.keys(payload).length === 0 ? completion : { ...completion, payload },
  );
}

function failed(
  job: JobRecord,
  by: { errorMessage: string; retryable: boolean } & Finishing,
  now: number,
): JobDecision {
  const { errorMessage, finish = null } = by;
  const failure: JobEventDraft = {
    kind: 'failed',
    level: 'error',
    message: failureMessage(job.attempt, errorMessage),
    payload: { retryable: by.retryable, ...finishInEvent(finish) },
  };
  const noted: JobRecord = { ...job, errorMessage, finish, findings: findingsAfter(job, by), endedBy: 'fail' };
  if (job.cancelRequestedAt !== null) return changed(ended(noted, 'cancelled', now), failure, cancelledEvent(job));
  if (!by.retryable) return changed(ended(noted, 'failed', now), failure);
  if (job.attempt >= job.maxAttempts) return changed(ended(noted, 'dead_letter', now), failure, deadLettered(job));
  const delayMs = retryDelayMs(job.attempt);
  return changed(requeued(noted, now, delayMs), failure, retryScheduled(job, delayMs));
}

function acknowledged(job: JobRecord, by: { message: string | null } & Finishing, now: number): JobDecision {
  const { message, finish = null } = by;
  if (job.cancelRequestedAt === null) {
    return { outcome: 'refused', refusal: stateConflict(job, 'nobody asked to cancel it') };
  }
  const findings = findingsAfter(job, by);
  const next = { ...ended(job, 'cancelled', now), finish, findings, endedBy: 'ack' as const };
  const payload = { ...(message === null ? {} : { message }), ...finishInEvent(finish) };
  return changed(next, { ...cancelledEvent(job), ...(Object.keys(payload).length === 0 ? {} : { payload }) });
}

function expired(job: JobRecord, now: number, leasesAt: number): JobDecision {
  if (job.leaseExpiresAt !== null && job.leaseExpiresAt > leasesAt) return { outcome: 'unchanged', job };
  const loss: JobEventDraft = {
    kind: 'lease_expired',
    level: 'warn',
    message: `The lease of ${job.lastClaimedBy ?? 'its worker'} passed without a heartbeat.`,
  };
  const noted: JobRecord = { ...job, errorMessage: 'The worker was lost: its lease passed without a heartbeat.' };
  if (job.cancelRequestedAt !== null) return changed(ended(noted, 'cancelled', now), loss, cancelledEvent(job));
  if (job.attempt >= job.maxAttempts) return changed(ended(noted, 'dead_letter', now), loss, deadLettered(job));
  return changed(requeued(noted, now, expiryDelayMs), loss, retryScheduled(job, expiryDelayMs));
}

function cancelled(job: JobRecord, by: { actor: string; reason: string | null } & Found, now: number): JobDecision {
  if (job.status === 'cancelled') return { outcome: 'unchanged', job };
  const refused = guarded(job, 'cancel');
  if (refused !== undefined) return refused;
  if (job.cancelRequestedAt !== null) return { outcome: 'unchanged', job };
  const asked: JobRecord = {
    ...job,
    cancelRequestedAt: now,
    cancelRequestedBy: by.actor,
    cancelReason: by.reason,
    findings: findingsAfter(job, by),
    updatedAt: now,
  };
  const request: JobEventDraft = {
    kind: 'cancel_requested',
    level: 'warn',
    message: `${by.actor} asked to cancel the job.`,
    ...(by.reason === null ? {} : { payload: { reason: by.reason } }),
  };
  if (job.status === 'running') return changed(asked, request);
  return changed(ended(asked, 'cancelled', now), request, cancelledEvent(job));
}

function retried(job: JobRecord, actor: string, now: number): JobDecision {
  const attempt = job.attempt + 1;
  const next: JobRecord = {
    ...job,
    status: 'queued',
    attempt,
    maxAttempts: Math.max(job.maxAttempts, attempt),
    attemptStartedAt: null,
    nextAttemptAt: null,
    leaseExpiresAt: null,
    cancelRequestedAt: null,
    cancelRequestedBy: null,
    cancelReason: null,
    finishedAt: null,
    updatedAt: now,
  };
  return changed(next, { kind: 'queued', level: 'info', message: `Put back into the queue by ${actor}.` });
}

function ended(job: JobRecord, status: JobStatus, now: number): JobRecord {
  return { ...job, status, leaseExpiresAt: null, nextAttemptAt: null, finishedAt: now, updatedAt: now };
}

function requeued(job: JobRecord, now: number, delayMs: number): JobRecord {
  return {
    ...job,
    status: 'queued',
    attempt: job.attempt + 1,
    attemptStartedAt: null,
    leaseExpiresAt: null,
    nextAttemptAt: now + delayMs,
    updatedAt: now,
  };
}

function findingsAfter(job: JobRecord, { findings = null }: Found): SecretFindings | null {
  return mergedFindings(job.findings, findings);
}

function changed(job: JobRecord, ...events: JobEventDraft[]): JobDecision {
  const next = { ...job, lastSeq: job.lastSeq + events.length, version: job.version + 1 };
  return { outcome: 'changed', job: next, events };
}

function cancelledEvent(job: JobRecord): JobEventDraft {
  return { kind: 'cancelled', level: 'warn', message: cancelledMessage(job) };
}

function cancelledMessage(job: JobRecord): string {
  if (job.status === 'running') return `Cancelled during attempt ${String(job.attempt)}.`;
  if (job.startedAt === null) return 'Cancelled before anybody claimed it.';
  return `Cancelled while it waited for attempt ${String(job.attempt)}.`;
}

// The job record keeps only the error message of the last attempt. The log of the job contains those of earlier
// attempts.
function failureMessage(attempt: number, errorMessage: string): string {
  const begin = `Attempt ${String(attempt)} failed: `;
  const whole = `${begin}${errorMessage.trim()}`;
  if (utf8Bytes(whole) <= maxEventMessageBytes) return whole;
  return `${beginningOf(whole, maxEventMessageBytes - utf8Bytes(ellipsis))}${ellipsis}`;
}

const ellipsis = '…';

function deadLettered(job: JobRecord): JobEventDraft {
  return { kind: 'dead_lettered', level: 'error', message: `All ${String(job.maxAttempts)} attempts are used up.` };
}

function retryScheduled(job: JobRecord, delayMs: number): JobEventDraft {
  const message = `Attempt ${String(job.attempt + 1)} can start in ${String(delayMs / 1000)} s.`;
  return { kind: 'retry_scheduled', level: 'info', message, payload: { delayMs } };
}

function leaseLost(job: JobRecord): Refusal {
  return { code: 'lease_lost', message: `This lease on job ${job.id} has ended; stop the work and claim again.` };
}

/** Returns true if this worker ended the last attempt, with this lease. */
function gaveBack(job: JobRecord, { workerId, leaseId }: Fence): boolean {
  const ended = job.endedBy !== null && job.status !== 'running';
  return ended && leaseId !== undefined && leaseId === job.leaseId && workerId === job.lastClaimedBy;
}

function stateConflict(job: JobRecord, why: string): Refusal {
  return { code: 'job_state_conflict', message: `Job ${job.id} is ${job.status}: ${why}.` };
}

import type { ErrorCode } from '../error-codes.ts';
import { holderOfJob, type JobRecord, type WorkerEnding } from './job.ts';
import { finishInEvent, type JobFinish } from './job-finish.ts';
import { finalStatuses, type JobStatus } from './job-status.ts';
import { maxEventMessageBytes, type JobEventDraft } from './job-event.ts';
import { backOffMs } from '../values/back-off.ts';
import { beginningOf, utf8Bytes } from '../values/wire-values.ts';

/**
 * The job's state machine: a pure table and pure decisions. Stores read a job, ask `decideJob`, and
 * write the answer in the same transaction; no engine has rules of its own.
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
  | { readonly kind: 'cancel'; readonly actor: string; readonly reason: string | null }
  | { readonly kind: 'retry'; readonly actor: string };

/** Of commands by which a holder ends its attempt. */
interface Finishing {
  readonly finish?: JobFinish | null;
}

export type JobCommandKind = JobCommand['kind'];

/** Every move there is: command -> status before -> statuses it may lead to. */
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

/** Who writes to a held job. Without `leaseId` only the worker is checked. */
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

/** After a lost lease the job rests this long, so that a crashing job does not spin. */
export const expiryDelayMs = 1000;

/** Delay before attempt `attempt + 1`: 15 s, doubled each time, at most 600 s. */
export function retryDelayMs(attempt: number): number {
  return backOffMs(attempt, { firstMs: 15_000, maxMs: 600_000 });
}

/**
 * Decides `command` on `job` at `now` (epoch ms). Never mutates; never throws. `leasesAt`: leases that end at or before it have passed; it
 * differs from `now` only for a while after a clock was set.
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
 * Whether a writer still holds the job. A given lease must be the present one and not past, else
 * `lease_lost` whatever the status; without one the job must be running and held by the worker.
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

/** For so long after a job ended may the worker whose final call ended it still append events. */
export const lastEventsMs = 60_000;

/** `checkFence` for events: the last holder may append them, under its lease or none, until `finishedAt + lastEventsMs`. */
export function checkEventFence(job: JobRecord, fence: Fence, now: number, leasesAt = now): Refusal | undefined {
  const late = job.finishedAt === null || now > job.finishedAt + lastEventsMs;
  return !late && endedJob(job, fence) ? undefined : checkFence(job, fence, leasesAt);
}

/** Whether this worker's final call ended the job. One that only ended an attempt did not: the job waits for the next. */
function endedJob(job: JobRecord, { workerId, leaseId }: Fence): boolean {
  const byHolder = finalStatuses.includes(job.status) && job.endedBy !== null && job.attemptStartedAt !== null;
  return byHolder && job.lastClaimedBy === workerId && (leaseId === undefined || leaseId === job.leaseId);
}

/**
 * `lease_lost` for a lease that can be seen to have ended before it is known what its holder wants; a call that may be the
 * repetition of its last one is let through, to be decided with the row.
 */
export function checkLease(
  job: JobRecord,
  fence: Fence & { readonly leaseId: string },
  now: number,
): Refusal | undefined {
  return gaveBack(job, fence) ? undefined : checkFence(job, fence, now);
}

/** The fence as a decision; a repeated final call under the lease it ended is answered again. */
function fenced(job: JobRecord, fence: Fence, now: number, ending?: WorkerEnding): JobDecision | undefined {
  if (ending !== undefined && job.endedBy === ending && gaveBack(job, fence)) return { outcome: 'unchanged', job };
  const refusal = checkFence(job, fence, now);
  return refusal === undefined ? undefined : { outcome: 'refused', refusal };
}

function guarded(job: JobRecord, kind: keyof typeof wrongState): JobDecision | undefined {
  if (jobMoves[kind][job.status] !== undefined) return undefined;
  return { outcome: 'refused', refusal: stateConflict(job, wrongState[kind]) };
}

/** What to tell a caller whose call the state of the job does not allow. */
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

// A heartbeat is no event: a long job would drown its own log.
function renewed(job: JobRecord, leaseMs: number, now: number): JobDecision {
  return changed({ ...job, leaseExpiresAt: now + leaseMs, updatedAt: now });
}

function completed(job: JobRecord, by: { resultSummary: string | null } & Finishing, now: number): JobDecision {
  const { resultSummary, finish = null } = by;
  const outcome = { resultSummary, errorMessage: null, finish, endedBy: 'complete' as const };
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
  const noted: JobRecord = { ...job, errorMessage, finish, endedBy: 'fail' };
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
  const next = { ...ended(job, 'cancelled', now), finish, endedBy: 'ack' as const };
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

function cancelled(job: JobRecord, by: { actor: string; reason: string | null }, now: number): JobDecision {
  if (job.status === 'cancelled') return { outcome: 'unchanged', job };
  const refused = guarded(job, 'cancel');
  if (refused !== undefined) return refused;
  if (job.cancelRequestedAt !== null) return { outcome: 'unchanged', job };
  const asked: JobRecord = {
    ...job,
    cancelRequestedAt: now,
    cancelRequestedBy: by.actor,
    cancelReason: by.reason,
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

// The job keeps the message of its last attempt alone: why the ones before it failed stands in its log.
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

/** Whether the job was last given back by this worker under this lease. */
function gaveBack(job: JobRecord, { workerId, leaseId }: Fence): boolean {
  const ended = job.endedBy !== null && job.status !== 'running';
  return ended && leaseId !== undefined && leaseId === job.leaseId && workerId === job.lastClaimedBy;
}

function stateConflict(job: JobRecord, why: string): Refusal {
  return { code: 'job_state_conflict', message: `Job ${job.id} is ${job.status}: ${why}.` };
}

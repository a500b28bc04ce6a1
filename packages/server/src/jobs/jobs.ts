import {
  actorOf,
  checkLease,
  decideJob,
  explainWait,
  fieldError,
  holderOfJob,
  isUuid,
  jobTypeOf,
  maxCountedPosition,
  may,
  storableText,
  unknownJobType,
  AppError,
  type EventInput,
  type FinishFields,
  type JobCategory,
  type JobCommand,
  type JobRecord,
  type JobStatus,
  type JobType,
  type JobTypes,
  type Principal,
  type Why,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { inBatches } from '../kernel/in-batches.ts';
import { inAuditedItem, unstoredCall } from '../kernel/audited-call.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, nextCursorOf, type ListFilter } from '../kernel/page.ts';
import { noMeter, type Meter } from '../kernel/meter.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import type { Presence } from '../workers/presence.ts';
import { eachJob, type JobItems, type JobResult } from './each-job.ts';
import { boundedFinish, boundedText } from './bounded-ending.ts';
import { textsOfClaim, textsOfEnding, textsOfJob } from './checked-texts.ts';
import { eachItem, keysOfItems, type BatchItem } from './job-batch.ts';
import { idempotencyConflict, jobNotFound } from './job-errors.ts';
import { JobAnnouncements } from './job-announcements.ts';
import { JobClaims, type ClaimCall, type ClaimOptions } from './job-claims.ts';
import { hintOf, type JobHints } from './job-hints.ts';
import { idempotencyOf } from './job-idempotency.ts';
import { claimScope, holderOf, requireMayCreate, type Holder } from './job-holder.ts';
import { JobNotes, type Noted } from './job-notes.ts';
import type { JobStore } from './job-store.ts';
import { newJobRecord, withFindings, type NewJob } from './new-job.ts';

export interface Created {
  readonly job: JobRecord;
  readonly created: boolean;
}

export interface JobQuery {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly category?: JobCategory | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface CompleteItem extends FinishFields {
  readonly jobId: string;
  readonly leaseId: string;
  readonly resultSummary?: string | null | undefined;
}

export interface Completion extends FinishFields {
  readonly resultSummary?: string | null | undefined;
}

export interface Failure extends FinishFields {
  readonly errorMessage: string;
  readonly retryable: boolean;
}

/** Interval in ms of the sweeps. A sweep ends expired leases and promotes jobs whose delay has ended. */
export const sweepEveryMs = 2000;
const sweepBatch = 200;
/**
 * Largest number of commits in one sweep. Each commit handles up to `sweepBatch` jobs, and the next sweep handles the
 * rest.
 */
const mostBatches = 50;

export interface JobsParts {
  readonly store: JobStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly jobTypes: JobTypes;
  readonly hints: JobHints;
  readonly presence: Presence;
  readonly secrets: SecretPolicy;
  readonly meter?: Meter | undefined;
}

/**
 * The operations of the queue, for HTTP and MCP. Checks access and the fields of requests, and throws errors. The state
 * machine of a job is `decideJob` in core.
 */
export class Jobs {
  readonly #store: JobStore;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #jobTypes: JobTypes;
  readonly #hints: JobHints;
  readonly #presence: Presence;
  readonly #secrets: SecretPolicy;
  readonly #announcements: JobAnnouncements;
  readonly #claims: JobClaims;
  readonly #notes: JobNotes;
  #stopping = false;

  constructor(parts: JobsParts) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#jobTypes = parts.jobTypes;
    this.#hints = parts.hints;
    this.#presence = parts.presence;
    this.#secrets = parts.secrets;
    this.#announcements = new JobAnnouncements(parts.hints, parts.meter ?? noMeter);
    this.#claims = new JobClaims({ ...parts, announcements: this.#announcements });
    this.#notes = new JobNotes(parts);
  }

  /**
   * Creates a job. `created` is false if an earlier call with the same idempotency key created the job. Errors:
   * `invalid_request`, `worker_not_authorized`, `secret_found`, `idempotency_conflict`.
   */
  async create(principal: Principal, input: NewJob, key?: string): Promise<Created> {
    const made = { id: this.#ids.uuid(), by: actorOf(principal), now: this.#clock.now() };
    const unchecked = newJobRecord(input, this.#knownType(input.type), made);
    requireMayCreate(principal, unchecked.job);
    const job = withFindings(unchecked, await this.#secrets.check(textsOfJob(unchecked, input)));
    const idempotency =
      key === undefined
        ? undefined
        : { ...idempotencyOf(this.#clock, made.by, 'createJob', key, input), resourceId: job.id };
    const result = await this.#store.enqueue(job, idempotency);
    if (result.outcome === 'conflict') throw idempotencyConflict();
    if (result.outcome === 'added') this.#hints.publish(hintOf(result.job));
    return { job: result.job, created: result.outcome === 'added' };
  }

  /**
   * Creates the jobs in one commit, all or none. `created` is false for a job that an earlier call with the same
   * idempotency key created. Errors: as `create`, with paths that name the item.
   */
  async createMany(principal: Principal, items: readonly BatchItem[], key?: string): Promise<Created[]> {
    const [by, now] = [actorOf(principal), this.#clock.now()];
    const keys = keysOfItems(items, key);
    const unchecked = eachItem(items, (item) => {
      const made = newJobRecord(item, this.#knownType(item.type), { id: this.#ids.uuid(), by, now });
      requireMayCreate(principal, made.job);
      return made;
    });
    const findings = await this.#secrets.checkEach(
      unchecked.map((made, index) => textsOfJob(made, items[index] ?? made.job, `items.${String(index)}.`)),
    );
    const requests = unchecked.map((made, index) => {
      const job = withFindings(made, findings[index] ?? null);
      const itemKey = keys[index];
      if (itemKey === undefined) return { job };
      return {
        job,
        idempotency: {
          ...idempotencyOf(this.#clock, by, 'createJob', itemKey.key, itemKey.request),
          resourceId: job.id,
        },
      };
    });
    const results = await this.#store.enqueueAll(requests);
    const conflict = results.findIndex(({ outcome }) => outcome === 'conflict');
    if (conflict !== -1) throw idempotencyConflict(`items.${String(conflict)}.idempotencyKey`);
    return results.flatMap((result) => {
      if (result.outcome === 'conflict') return [];
      if (result.outcome === 'added') this.#hints.publish(hintOf(result.job));
      return { job: result.job, created: result.outcome === 'added' };
    });
  }

  /** Returns the job type of a stored job. */
  typeOf(job: Pick<JobRecord, 'type'>): JobType {
    return jobTypeOf(this.#jobTypes, job.type);
  }

  /** Returns the job. Errors: `job_not_found`, `forbidden`. */
  async get(principal: Principal, jobId: string): Promise<JobRecord> {
    const job = await this.require(jobId);
    if (!may(principal, 'job.read', { kind: 'job', heldBy: holderOfJob(job), createdBy: job.createdBy })) {
      throw new AppError(
        'forbidden',
        `Job ${jobId} can be read by the worker that holds it or made it, operators and the admin.`,
      );
    }
    return job;
  }

  /** Returns the job without an access check. Errors: `job_not_found`. */
  async require(jobId: string): Promise<JobRecord> {
    const job = isUuid(jobId) ? await this.#store.find(jobId) : undefined;
    if (job === undefined) throw jobNotFound(jobId);
    return job;
  }

  async list(
    principal: Principal,
    query: JobQuery,
  ): Promise<{ items: readonly JobRecord[]; nextCursor: string | null }> {
    const { status, type, category } = query;
    const typeRow = type === undefined ? undefined : this.#knownType(type);
    const ownOf = principal.kind === 'worker' ? principal.workerId : undefined;
    const filter = { status, type, category, ownOf } satisfies ListFilter;
    const after = decodeCursor(filter, query.cursor);
    // Each job type has one category. So no job can match a type together with another category.
    if (typeRow !== undefined && category !== undefined && typeRow.category !== category) {
      return { items: [], nextCursor: null };
    }
    const page = await this.#store.list(filter, { limit: query.limit, after });
    return { items: page.items, nextCursor: nextCursorOf(filter, page.next) };
  }

  /**
   * See `JobClaims.claim`. Errors: `worker_not_authorized`, `secret_found`, `idempotency_conflict`, `invalid_request`,
   * `unauthenticated`.
   */
  async claim(principal: Principal, call: ClaimCall, options: ClaimOptions): Promise<readonly JobRecord[]> {
    const workerId = holderOf(principal, call.workerId);
    const scope = claimScope(principal, call);
    for (const type of call.allowedTypes ?? []) this.#knownType(type, 'allowedTypes');
    await this.#secrets.checkUnmarked('worker', textsOfClaim(workerId, call, options.version));
    return this.#claims.claim({ actor: actorOf(principal), workerId, scope }, call, options);
  }

  /**
   * Makes every waiting claim query the queue once more and then return. Claims that begin later do not wait, because
   * the server is stopping.
   */
  stopWaiting(): void {
    this.#stopping = true;
    this.#claims.stopWaiting();
  }

  /**
   * Renews the lease, so that it ends `leaseSeconds` from now. Errors: `job_not_found`, `lease_lost`,
   * `job_state_conflict`, `job_ownership_mismatch`, `secret_found`.
   */
  async heartbeat(holder: Holder, jobId: string, leaseSeconds: number): Promise<JobRecord> {
    await this.#secrets.checkUnmarked('worker', [{ field: 'workerId', text: holder.workerId }]);
    this.#presence.alive(holder.workerId);
    return this.#work(jobId, { kind: 'renew', fence: holder, leaseMs: leaseSeconds * 1000 });
  }

  async complete(holder: Holder, jobId: string, completion: Completion = {}): Promise<JobRecord> {
    const resultSummary = boundedText(completion.resultSummary ?? null, 'resultSummary');
    const finish = boundedFinish(completion);
    const findings = await this.#secrets.check(textsOfEnding('resultSummary', resultSummary, finish));
    return this.#work(jobId, { kind: 'complete', fence: holder, resultSummary, finish, findings });
  }

  async fail(holder: Holder, jobId: string, failure: Failure): Promise<JobRecord> {
    const errorMessage = boundedText(failure.errorMessage, 'errorMessage') ?? '';
    if (errorMessage.trim() === '') throw fieldError('errorMessage', 'must not be blank');
    const { retryable } = failure;
    const finish = boundedFinish(failure);
    const findings = await this.#secrets.check(textsOfEnding('errorMessage', errorMessage, finish));
    return this.#work(jobId, { kind: 'fail', fence: holder, errorMessage, retryable, finish, findings });
  }

  /**
   * Completes the jobs, each independently of the others. If a job could not be completed, the result at its index is
   * the error.
   */
  completeMany(workerId: string, items: readonly CompleteItem[]): Promise<JobResult[]> {
    return eachJob(items, ({ jobId, leaseId, ...completion }) =>
      this.complete({ workerId, leaseId }, jobId, completion),
    );
  }

  /**
   * Ends a running job as cancelled. The holder of the job calls this method after a cancel request, to confirm that it
   * has stopped. Errors: `job_not_found`, `lease_lost`, `job_state_conflict`, `job_ownership_mismatch`.
   */
  async acknowledge(
    holder: Holder,
    jobId: string,
    given: FinishFields & { readonly message?: string | null | undefined },
  ): Promise<JobRecord> {
    const message = boundedText(given.message ?? null, 'message');
    const finish = boundedFinish(given);
    const findings = await this.#secrets.check(textsOfEnding('message', message, finish));
    return this.#work(jobId, { kind: 'ack', fence: holder, message, finish, findings });
  }

  /**
   * Cancels a queued job at once. For a running job, requests that its holder stops. Idempotent. Errors:
   * `job_not_found`, `job_state_conflict`, `secret_found`.
   */
  async cancel(principal: Principal, jobId: string, reason?: string | null): Promise<JobRecord> {
    const words = reason == null || reason === '' ? null : storableText(reason);
    const findings = await this.#secrets.check(textsOfEnding('reason', words, null));
    return this.#work(jobId, { kind: 'cancel', actor: actorOf(principal), reason: words, findings });
  }

  /** Returns a failed or dead-lettered job to the queue. Errors: `job_not_found`, `job_state_conflict`. */
  retry(principal: Principal, jobId: string): Promise<JobRecord> {
    return this.#work(jobId, { kind: 'retry', actor: actorOf(principal) });
  }

  /** Cancels the jobs, each as `cancel` does and independently of the others. */
  cancelMany(principal: Principal, items: JobItems, reason?: string | null): Promise<JobResult[]> {
    return eachJob(items, ({ jobId }) => inAuditedItem(`job:${jobId}`, () => this.cancel(principal, jobId, reason)));
  }

  /** Returns the jobs to the queue, each as `retry` does and independently of the others. */
  retryMany(principal: Principal, items: JobItems): Promise<JobResult[]> {
    return eachJob(items, ({ jobId }) => inAuditedItem(`job:${jobId}`, () => this.retry(principal, jobId)));
  }

  /** See `JobNotes.append`. */
  note(holder: Holder, jobId: string, inputs: readonly EventInput[], key?: string): Promise<Noted> {
    return this.#notes.append(holder, jobId, inputs, key);
  }

  /**
   * Throws `lease_lost` if the lease has ended. Called before the body is read, so that a client is refused before a
   * long upload. `mayRepeat` is true if the call has an idempotency key. It may then repeat an earlier call, which must
   * succeed even after the lease has ended. In this case only the existence of the job is checked. Throws
   * `job_not_found` for an unknown job.
   */
  async checkLease(principal: Principal, jobId: string, leaseId: string, mayRepeat: boolean): Promise<void> {
    const job = await this.require(jobId);
    if (mayRepeat) return;
    // If the caller is not a worker, the body names the worker, but the body was not read yet. Until then, the worker
    // that last claimed the job is used.
    const workerId = principal.kind === 'worker' ? principal.workerId : (job.lastClaimedBy ?? '');
    const refusal = checkLease(job, { workerId, leaseId }, this.#store.time().leasesAt);
    if (refusal !== undefined) throw new AppError(refusal.code, refusal.message);
  }

  /**
   * The time (epoch ms) for checks of leases before the transaction of the store. A lease that ends at or before this
   * time is expired.
   */
  leasesAt(): number {
    return this.#store.time().leasesAt;
  }

  /** Returns the ids of the running jobs of a worker, newest first, at most 100. */
  async heldBy(workerId: string): Promise<string[]> {
    const page = await this.#store.list({ heldBy: workerId }, { limit: 100, after: undefined });
    return page.items.map((job) => job.id);
  }

  /**
   * Explains why a job is not running yet: capabilities that no worker offers, its delay, its position in the queue.
   * Throws `job_not_found` for an unknown job.
   */
  async why(jobId: string): Promise<Why> {
    const job = await this.require(jobId);
    const [workers, ahead] = await Promise.all([
      this.#presence.lately(),
      job.status === 'queued' ? this.#store.countAhead(job, maxCountedPosition) : 0,
    ]);
    return explainWait(job, workers, ahead, this.#clock.now());
  }

  /**
   * Ends expired leases, promotes due jobs, and publishes hints about them. The server calls it every `sweepEveryMs`.
   */
  async sweep(): Promise<void> {
    await inBatches({ batch: sweepBatch, most: mostBatches, stopped: () => this.#stopping }, async (limit) => {
      const passed = await this.#store.sweep(limit);
      this.#announcements.passed(passed);
      return Math.max(passed.ended.length, passed.ready.length);
    });
  }

  // Errors: `job_not_found`, `lease_lost`, `job_state_conflict`, `job_ownership_mismatch`.
  async #work(jobId: string, command: JobCommand): Promise<JobRecord> {
    const call = unstoredCall();
    const audit = call?.entryFor([]);
    const decision = isUuid(jobId)
      ? await this.#store.apply(jobId, (job, { now, leasesAt }) => decideJob(job, command, now, leasesAt), { audit })
      : undefined;
    if (decision === undefined) throw jobNotFound(jobId);
    if (decision.outcome === 'refused') throw new AppError(decision.refusal.code, decision.refusal.message);
    if (decision.outcome === 'changed') call?.stored();
    if (decision.outcome === 'changed' && command.kind !== 'renew') this.#announcements.moved(decision.job);
    return decision.job;
  }

  #knownType(name: string, field = 'type'): JobType {
    const type = this.#jobTypes.get(name);
    if (type === undefined) throw fieldError(field, unknownJobType(name, [...this.#jobTypes.keys()]));
    return type;
  }
}

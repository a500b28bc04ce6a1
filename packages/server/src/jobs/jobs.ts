import {
  AppError,
  actorOf,
  decideJob,
  maxPayloadBytes,
  maxSummaryBytes,
  may,
  storableText,
  utf8Bytes,
  type JobCategory,
  type JobCommand,
  type JobPayload,
  type JobRecord,
  type JobStatus,
  type Principal,
} from '@proofhouse/core';
import type { Clock } from '../kernel/clock.ts';
import { idempotencyLifeMs, type IdempotencyKey } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, encodeCursor, type ListFilter } from '../kernel/page.ts';
import { sha256Hex } from '../kernel/secret.ts';
import { ClaimWaiters, type ClaimScope } from './claim-waiters.ts';
import { routeOf } from './job-route.ts';
import type { JobStore } from './job-store.ts';
import { claimScope, holderOf, type Holder } from './job-holder.ts';

export interface NewJob {
  readonly type: string;
  readonly priority: number;
  readonly payload: JobPayload;
  readonly affinityKey?: string | null | undefined;
  readonly maxAttempts: number;
  readonly requiredCapabilities?: readonly string[] | null | undefined;
  readonly taskId?: string | null | undefined;
  readonly bundleId?: string | null | undefined;
  readonly notBefore?: string | null | undefined;
}

export interface ClaimCall {
  readonly workerId?: string | null | undefined;
  readonly leaseSeconds: number;
  readonly allowedTypes?: readonly string[] | null | undefined;
  readonly workerCapabilities?: readonly string[] | null | undefined;
  readonly waitSeconds: number;
}

export interface JobQuery {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly category?: JobCategory | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** How often a waiting claim looks again by itself: for jobs that other servers added or whose delay passed. */
const claimPollMs = 1000;
/** How often passed leases are ended, at most this many at a time. */
export const sweepEveryMs = 2000;
const sweepBatch = 200;

export interface JobsParts {
  readonly store: JobStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly jobTypes: readonly string[];
}

/** The queue as its callers use it: who may, which fields, which errors. The moves themselves are core's. */
export class Jobs {
  readonly #store: JobStore;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #jobTypes: readonly string[];
  readonly #waiters = new ClaimWaiters();
  #stopping = false;

  constructor(parts: JobsParts) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#jobTypes = parts.jobTypes;
  }

  /** `created` is false when the idempotency key had made the job before. Errors: `invalid_request`, `idempotency_conflict`. */
  async create(principal: Principal, input: NewJob, key?: string): Promise<{ job: JobRecord; created: boolean }> {
    const job = this.#newJob(actorOf(principal), input);
    const idempotency = key === undefined ? undefined : this.#idempotency(principal, 'createJob', key, input, job.id);
    const result = await this.#store.enqueue(job, idempotency);
    if (result.outcome === 'conflict') throw idempotencyConflict();
    if (result.outcome === 'added') this.#announce(result.job);
    return { job: result.job, created: result.outcome === 'added' };
  }

  /** Errors: `job_not_found`, `forbidden`. */
  async get(principal: Principal, jobId: string): Promise<JobRecord> {
    const job = await this.require(jobId);
    if (!may(principal, 'job.read', { kind: 'job', status: job.status, claimedBy: job.claimedBy })) {
      throw new AppError('forbidden', `Job ${jobId} can be read by the worker that holds it, operators and the admin.`);
    }
    return job;
  }

  /** The job, whoever asks. Errors: `job_not_found`. */
  async require(jobId: string): Promise<JobRecord> {
    const job = isUuid(jobId) ? await this.#store.find(jobId) : undefined;
    if (job === undefined) throw jobNotFound(jobId);
    return job;
  }

  async list(
    principal: Principal,
    query: JobQuery,
  ): Promise<{ items: readonly JobRecord[]; nextCursor: string | null }> {
    if (query.type !== undefined) this.#checkType(query.type);
    const { status, type, category } = query;
    const heldBy = principal.kind === 'worker' ? principal.workerId : undefined;
    const filter = { status, type, category, heldBy } satisfies ListFilter;
    const after = decodeCursor(filter, query.cursor);
    const page = await this.#store.list(filter, { limit: query.limit, after });
    return { items: page.items, nextCursor: page.next === undefined ? null : encodeCursor(filter, page.next) };
  }

  /**
   * The next job the worker may have, or null after waiting `waitSeconds`. `signal` ends the wait of a
   * caller that went away, so that no job is claimed for nobody.
   * Errors: `worker_not_authorized`, `idempotency_conflict`, `invalid_request`.
   */
  async claim(principal: Principal, call: ClaimCall, options: { key?: string | undefined; signal: AbortSignal }) {
    const workerId = holderOf(principal, call.workerId);
    const scope = claimScope(principal, call);
    for (const type of call.allowedTypes ?? []) this.#checkType(type);
    const deadline = this.#clock.now() + call.waitSeconds * 1000;
    for (;;) {
      const job = await this.#claimOnce(principal, workerId, scope, call, options.key);
      const remaining = deadline - this.#clock.now();
      if (job !== undefined || remaining <= 0 || options.signal.aborted || this.#stopping) return job ?? null;
      const woken = await this.#arrival(scope, Math.min(remaining, claimPollMs), options.signal);
      if (woken === 'caller gone') return null;
    }
  }

  /** Lets every waiting claim look once more and answer, and none wait again: the server is stopping. */
  stopWaiting(): void {
    this.#stopping = true;
    this.#waiters.wakeAll();
  }

  /** Renews the lease to now plus `leaseSeconds`. Errors: as every worker verb, see `#work`. */
  heartbeat(holder: Holder, jobId: string, leaseSeconds: number): Promise<JobRecord> {
    return this.#work(jobId, { kind: 'renew', fence: holder, leaseMs: leaseSeconds * 1000 });
  }

  complete(holder: Holder, jobId: string, resultSummary?: string | null): Promise<JobRecord> {
    const summary = boundedText(resultSummary ?? null, 'resultSummary');
    return this.#work(jobId, { kind: 'complete', fence: holder, resultSummary: summary });
  }

  async fail(holder: Holder, jobId: string, errorMessage: string, retryable: boolean): Promise<JobRecord> {
    const message = boundedText(errorMessage, 'errorMessage') ?? '';
    if (message.trim() === '') throw fieldError('errorMessage', 'must not be blank');
    const job = await this.#work(jobId, { kind: 'fail', fence: holder, errorMessage: message, retryable });
    if (job.status === 'queued') this.#announce(job);
    return job;
  }

  /** Ends leases that passed; gives how many. Called again and again by the server. */
  async sweep(): Promise<number> {
    const ended = await this.#store.sweep(this.#clock.now(), sweepBatch);
    for (const job of ended) if (job.status === 'queued') this.#announce(job);
    return ended.length;
  }

  // Errors: `job_not_found`, `lease_lost`, `job_state_conflict`, `job_ownership_mismatch`.
  async #work(jobId: string, command: JobCommand): Promise<JobRecord> {
    const now = this.#clock.now();
    const decision = isUuid(jobId)
      ? await this.#store.apply(jobId, now, (job) => decideJob(job, command, now))
      : undefined;
    if (decision === undefined) throw jobNotFound(jobId);
    if (decision.outcome === 'refused') throw new AppError(decision.refusal.code, decision.refusal.message);
    return decision.job;
  }

  async #claimOnce(principal: Principal, workerId: string, scope: ClaimScope, call: ClaimCall, key?: string) {
    const now = this.#clock.now();
    const { waitSeconds: _, ...same } = call;
    const idempotency = key === undefined ? undefined : this.#idempotency(principal, 'claimJob', key, same, '');
    const result = await this.#store.claim({
      workerId,
      ...scope,
      leaseMs: call.leaseSeconds * 1000,
      leaseIds: [this.#ids.leaseId()],
      now,
      idempotency,
    });
    if (result.outcome === 'conflict') throw idempotencyConflict();
    return result.jobs[0];
  }

  // Settles at the first of: a matching arrival, `ms` passed, the caller gone.
  #arrival(scope: ClaimScope, ms: number, signal: AbortSignal): Promise<'look again' | 'caller gone'> {
    return new Promise((settle) => {
      const done = (): void => {
        forget();
        cancel();
        signal.removeEventListener('abort', done);
        settle(signal.aborted ? 'caller gone' : 'look again');
      };
      const forget = this.#waiters.add(scope, done);
      const cancel = this.#clock.after(ms, done);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }

  #announce(job: JobRecord): void {
    this.#waiters.arrived(routeOf(job));
  }

  #newJob(createdBy: string, input: NewJob): JobRecord {
    this.#checkType(input.type);
    if (input.type === 'manifest') {
      throw new AppError('invalid_manifest_job', 'This server does not take manifest jobs yet.');
    }
    for (const field of ['taskId', 'bundleId'] as const) {
      if (input[field] != null) throw fieldError(field, 'this server has no tasks and bundles yet');
    }
    checkPayload(input.payload);
    const now = this.#clock.now();
    const notBefore = input.notBefore == null ? null : Date.parse(input.notBefore);
    return {
      id: this.#ids.uuid(),
      type: input.type,
      status: 'queued',
      priority: input.priority,
      payload: input.payload,
      requiredCapabilities: capabilityList(input.requiredCapabilities ?? []),
      repository: repositoryOf(input.payload),
      affinityKey: input.affinityKey ?? null,
      createdBy,
      parentJobId: null,
      claimedBy: null,
      leaseId: null,
      leaseExpiresAt: null,
      nextAttemptAt: notBefore !== null && notBefore > now ? notBefore : null,
      attempt: 1,
      maxAttempts: input.maxAttempts,
      resultSummary: null,
      errorMessage: null,
      cancelRequestedAt: null,
      cancelRequestedBy: null,
      cancelReason: null,
      startedAt: null,
      finishedAt: null,
      endedBy: null,
      createdAt: now,
      updatedAt: now,
    };
  }

  #checkType(type: string): void {
    if (this.#jobTypes.includes(type)) return;
    throw fieldError(
      'type',
      `unknown job type ${JSON.stringify(type.slice(0, 80))}; known: ${this.#jobTypes.join(', ')}`,
    );
  }

  #idempotency(
    principal: Principal,
    operation: string,
    key: string,
    request: object,
    resourceId: string,
  ): IdempotencyKey {
    const fingerprint = sha256Hex(JSON.stringify(request));
    const expiresAt = this.#clock.now() + idempotencyLifeMs;
    return { principal: actorOf(principal), operation, key, fingerprint, resourceId, expiresAt };
  }
}

/** Lower case, sorted, without repeats: how capabilities are kept and compared. */
function capabilityList(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.trim().toLowerCase()))].sort();
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isUuid(id: string): boolean {
  return uuid.test(id);
}

function checkPayload(payload: JobPayload): void {
  const size = utf8Bytes(JSON.stringify(payload));
  if (size > maxPayloadBytes) {
    throw fieldError('payload', `is ${String(size)} bytes of JSON; at most ${String(maxPayloadBytes)} are kept`);
  }
}

function repositoryOf(payload: JobPayload): string | null {
  const repository = payload['repository'];
  if (repository === undefined || repository === null) return null;
  // eslint-disable-next-line no-control-regex -- finding control characters is the point.
  const usable = typeof repository === 'string' && /^[^\u0000-\u001f\u007f]{1,255}$/.test(repository.trim());
  if (!usable) throw fieldError('payload.repository', 'must be a text of 1 to 255 characters');
  return repository.trim();
}

function boundedText(text: string | null, field: string): string | null {
  if (text === null) return null;
  if (utf8Bytes(text) > maxSummaryBytes) {
    throw fieldError(field, `is longer than ${String(maxSummaryBytes)} bytes; put long output into an artifact`);
  }
  return storableText(text);
}

function fieldError(path: string, message: string): AppError {
  return new AppError('invalid_request', `${path}: ${message}.`, { errors: [{ path, message }] });
}

function jobNotFound(jobId: string): AppError {
  return new AppError('job_not_found', `There is no job ${JSON.stringify(jobId.slice(0, 80))}.`);
}

function idempotencyConflict(): AppError {
  return new AppError('idempotency_conflict', 'This Idempotency-Key was used for a different request; use a new one.');
}

import type { JobRecord } from '@proofhouse/core';
import type { Ids } from '../kernel/ids.ts';
import type { Clock } from '../kernel/time/clock.ts';
import type { Presence } from '../workers/presence.ts';
import { ClaimWaiters } from './claim-waiters.ts';
import type { JobAnnouncements } from './job-announcements.ts';
import { idempotencyConflict } from './job-errors.ts';
import type { JobHints } from './job-hints.ts';
import { idempotencyOf } from './job-idempotency.ts';
import type { ClaimScope } from './job-route.ts';
import type { JobStore } from './job-store.ts';

export interface ClaimCall {
  readonly workerId?: string | null | undefined;
  readonly leaseSeconds: number;
  readonly allowedTypes?: readonly string[] | null | undefined;
  readonly workerCapabilities?: readonly string[] | null | undefined;
  readonly waitSeconds: number;
  /** Largest number of jobs to claim; default 1. */
  readonly maxJobs?: number | undefined;
}

export interface ClaimOptions {
  readonly key?: string | undefined;
  /** Name and version of the worker's software, shown in the list of workers. */
  readonly version?: string | undefined;
  readonly signal: AbortSignal;
  /** Throws if the caller's credential is no longer valid. Called before each query of the queue except the first. */
  readonly reauthenticate: () => Promise<void>;
}

/** The caller of a claim. */
export interface Claimant {
  /** The id of the caller that is stored in records and idempotency keys. */
  readonly actor: string;
  readonly workerId: string;
  /** The jobs that the caller may claim. Its credential must allow a job, and its capabilities must match the job. */
  readonly scope: ClaimScope;
}

/**
 * Interval in ms at which a waiting claim queries the queue even if it was not woken. Such a query finds jobs that
 * other servers added, and jobs whose delay has ended.
 */
const claimPollMs = 1000;

/** Claims with long polling. */
export class JobClaims {
  readonly #store: JobStore;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #presence: Presence;
  readonly #announcements: JobAnnouncements;
  readonly #waiters = new ClaimWaiters();
  #stopping = false;

  constructor(parts: {
    readonly store: JobStore;
    readonly clock: Clock;
    readonly ids: Ids;
    readonly hints: JobHints;
    readonly presence: Presence;
    readonly announcements: JobAnnouncements;
  }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#presence = parts.presence;
    this.#announcements = parts.announcements;
    parts.hints.onAny((hint) => {
      if (hint === 'overflow') this.#waiters.wakeAll();
      else if (hint.route !== undefined) this.#waiters.arrived(hint.route);
    });
  }

  /**
   * Claims up to `maxJobs` jobs within the scope. Waits up to `waitSeconds` for a claimable job, then returns no job.
   *
   * If an earlier claim used the same idempotency key, returns the jobs of the earlier claim at once. Jobs whose lease
   * from the earlier claim has ended are left out.
   *
   * When `signal` aborts (the connection of the caller closed), the wait ends and no job is claimed. A credential that
   * was revoked during the wait gets no job. Errors: `idempotency_conflict`, `invalid_request`, `unauthenticated`.
   */
  async claim(claimant: Claimant, call: ClaimCall, options: ClaimOptions): Promise<readonly JobRecord[]> {
    const { workerId, scope } = claimant;
    this.#presence.claimed({ workerId, version: options.version, ...scope });
    const deadline = this.#clock.monotonic() + call.waitSeconds * 1000;
    for (let looks = 1; ; looks++) {
      // A credential may be revoked while the claim waits. The claim must then get no job.
      if (looks > 1) await options.reauthenticate();
      if (looks > 1 && options.signal.aborted) return [];
      const { found, missed } = await this.#waiters.look(scope, () => this.#claimOnce(claimant, call, options.key));
      const { jobs } = found;
      const remaining = deadline - this.#clock.monotonic();
      // A call with a repeated key returns the jobs of the first claim, even if there are none.
      const answered = jobs.length > 0 || found.outcome === 'repeated';
      if (answered || remaining <= 0 || options.signal.aborted || this.#stopping) return jobs;
      if (missed) continue;
      const woken = await this.#arrival(scope, Math.min(remaining, claimPollMs), options.signal);
      if (woken === 'caller gone') return [];
    }
  }

  /** Makes every waiting claim query the queue once more and then return. Claims that begin later do not wait. */
  stopWaiting(): void {
    this.#stopping = true;
    this.#waiters.wakeAll();
  }

  async #claimOnce({ actor, workerId, scope }: Claimant, call: ClaimCall, key?: string) {
    const { waitSeconds: _, ...same } = call;
    const idempotency = key === undefined ? undefined : idempotencyOf(this.#clock, actor, 'claimJob', key, same);
    const result = await this.#store.claim({
      workerId,
      ...scope,
      leaseMs: call.leaseSeconds * 1000,
      leaseIds: Array.from({ length: call.maxJobs ?? 1 }, () => this.#ids.leaseId()),
      idempotency,
    });
    if (result.outcome === 'conflict') throw idempotencyConflict();
    if (result.outcome === 'claimed') {
      for (const job of result.jobs) this.#announcements.claimed(job);
      if (result.passed !== undefined) this.#announcements.passed(result.passed);
    }
    return result;
  }

  // Resolves when a job within `scope` may be claimable, when `ms` have passed, or when the connection of the caller
  // was closed.
  #arrival(scope: ClaimScope, ms: number, signal: AbortSignal): Promise<'look again' | 'caller gone'> {
    return new Promise((settle) => {
      const done = (): void => {
        remove();
        cancel();
        signal.removeEventListener('abort', done);
        settle(signal.aborted ? 'caller gone' : 'look again');
      };
      const remove = this.#waiters.add(scope, done);
      const cancel = this.#clock.after(ms, done);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }
}

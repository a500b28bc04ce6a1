import { AppError } from '@proofhouse/core';
import { pause, type Clock } from '../transport/clock.ts';
import type { ClaimedJob } from '../api/jobs-api.ts';
import type { ProofhouseClient } from '../proofhouse-client.ts';
import { messageOf } from './message-of.ts';
import { isPassing } from './passing-trouble.ts';
import type { WorkerLog } from './worker-options.ts';

/** Shortest pause between two attempts to renew, in milliseconds. */
const shortestPauseMs = 1000;
/**
 * Interval in milliseconds at which the wall clock is compared with the monotonic clock, which stands still while the
 * machine is suspended.
 */
const compareEveryMs = 5000;
/**
 * Largest accepted change in milliseconds of the difference between both clocks. If the change is larger, the wall
 * clock was set or the machine was suspended.
 */
const movedMs = 1000;

/**
 * Renews a lease after every third of its length, until `stop` is called. The lease counts as lost in three cases: the
 * server answers that it has ended, the server refuses the credential permanently, or the lease expires before a
 * renewal is answered. Another worker may then hold the job.
 *
 * Time is measured with the monotonic clock, so setting the wall clock loses no lease. If the difference between both
 * clocks changes, the machine may have been suspended, so the lease is renewed at once. `renewFirst` is for a claim
 * whose answer was late or came after a retry, because the remaining time of its lease is unknown.
 */
export class LeaseKeeper {
  readonly #lost = new AbortController();
  readonly #cancelled = new AbortController();
  readonly #stopped = new AbortController();
  readonly #client: ProofhouseClient;
  readonly #job: ClaimedJob;
  readonly #leaseSeconds: number;
  readonly #clock: Clock;
  readonly #log: WorkerLog;
  #validUntil: number;
  readonly #confirmed = Promise.withResolvers<undefined>();

  constructor(
    parts: {
      readonly client: ProofhouseClient;
      readonly leaseSeconds: number;
      readonly clock: Clock;
      readonly log: WorkerLog;
    },
    job: ClaimedJob,
    { renewFirst = false }: { readonly renewFirst?: boolean } = {},
  ) {
    this.#client = parts.client;
    this.#leaseSeconds = parts.leaseSeconds;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#job = job;
    this.#validUntil = parts.clock.monotonic() + parts.leaseSeconds * 1000;
    if (!renewFirst) this.#confirmed.resolve(undefined);
    void this.#keep(renewFirst);
  }

  /** Aborts when nothing more may be written to the job. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Resolves when it is known whether the lease is valid or lost, or when the signal aborts. The work on the job must
   * not begin earlier.
   */
  confirmed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      void this.#confirmed.promise.then(done);
      if (signal.aborted) done();
    });
  }

  /** Marks the lease as lost. Called after another write to the job was refused with `lease_lost`. */
  lose(error: unknown): void {
    this.#lost.abort(error);
    this.#confirmed.resolve(undefined);
  }

  /** Aborts when cancellation of the job was requested. */
  get cancelled(): AbortSignal {
    return this.#cancelled.signal;
  }

  stop(): void {
    this.#stopped.abort();
    this.#confirmed.resolve(undefined);
  }

  async #keep(renewFirst: boolean): Promise<void> {
    const intervalMs = (this.#leaseSeconds * 1000) / 3;
    let isRenewed = renewFirst ? await this.#renew(intervalMs) : true;
    while (!this.#lost.signal.aborted) {
      const leftMs = this.#leftMs();
      // After a failed renewal, the pause gets shorter as the end of the lease comes nearer.
      const pauseMs = isRenewed ? intervalMs : Math.min(intervalMs, Math.max(shortestPauseMs, leftMs / 2));
      await this.#rest(Math.min(pauseMs, leftMs));
      if (this.#stopped.signal.aborted) return;
      isRenewed = await this.#renew(intervalMs);
    }
  }

  /**
   * Waits `ms` milliseconds. Ends early if `stop` is called, or if the difference between the two clocks changes by
   * more than `movedMs`.
   */
  async #rest(ms: number): Promise<void> {
    const clock = this.#clock;
    const offset = this.#wallOffset();
    const endsAt = clock.monotonic() + ms;
    for (let leftMs = ms; leftMs > 0; leftMs = endsAt - clock.monotonic()) {
      await pause(clock, Math.min(leftMs, compareEveryMs), this.#stopped.signal);
      if (this.#stopped.signal.aborted || Math.abs(this.#wallOffset() - offset) > movedMs) return;
    }
  }

  #wallOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  async #renew(intervalMs: number): Promise<boolean> {
    const sentAt = this.#clock.monotonic();
    if (this.#leftMs() === 0) {
      // The lease has expired, for example because this process was suspended. The server would refuse a renewal.
      this.lose(new AppError('lease_lost', `Its lease of ${this.#leaseSeconds} s passed before it could be renewed.`));
      return false;
    }
    try {
      const job = await this.#client.jobs.heartbeat(this.#job.id, this.#job.leaseId, this.#leaseSeconds, {
        signal: this.#stopped.signal,
        timeoutMs: Math.max(1, Math.min(intervalMs, this.#leftMs())),
      });
      this.#validUntil = sentAt + this.#leaseSeconds * 1000;
      this.#confirmed.resolve(undefined);
      if (job.cancelRequestedAt !== null) this.#cancelled.abort();
      return true;
    } catch (error) {
      if (this.#stopped.signal.aborted) return false;
      if (!isPassing(error) || this.#leftMs() === 0) this.lose(error);
      else
        this.#log({
          level: 'warn',
          jobId: this.#job.id,
          message: `The lease was not renewed yet: ${messageOf(error)}`,
        });
      return false;
    }
  }

  #leftMs(): number {
    return Math.max(0, this.#validUntil - this.#clock.monotonic());
  }
}

import type { JobRecord } from '@proofhouse/core';
import type { Meter } from '../kernel/meter.ts';
import { hintOf, hintOfReady, type JobHints } from './job-hints.ts';
import type { Passed } from './job-store.ts';

/** Publishes hints about committed changes of jobs, and counts the changes in the metrics. */
export class JobAnnouncements {
  readonly #hints: JobHints;
  readonly #meter: Meter;

  constructor(hints: JobHints, meter: Meter) {
    this.#hints = hints;
    this.#meter = meter;
  }

  moved(job: JobRecord): void {
    this.#hints.publish(hintOf(job));
    this.#meter.settled(job);
  }

  /** Publishes hints about jobs whose lease expired and about jobs whose delay ended. */
  passed({ ended, ready }: Passed): void {
    for (const job of ended) this.moved(job);
    for (const job of ready) this.#hints.publish(hintOfReady(job));
    if (ended.length > 0) this.#meter.leasesLost(ended.length);
  }

  claimed(job: JobRecord): void {
    this.#hints.publish(hintOf(job));
    if (job.attempt === 1) this.#meter.claimed(job.type, job.updatedAt - job.createdAt);
  }
}

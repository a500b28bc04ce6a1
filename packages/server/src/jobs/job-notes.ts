import {
  AppError,
  findingsUnder,
  isUuid,
  mergedFindings,
  type EventInput,
  type JobCategory,
  type JobEventRecord,
  type SecretFindings,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import { textsOfEvent } from './checked-texts.ts';
import { idempotencyConflict, jobNotFound } from './job-errors.ts';
import type { JobHints } from './job-hints.ts';
import type { Holder } from './job-holder.ts';
import { idempotencyOf } from './job-idempotency.ts';
import { noteDrafts } from './job-log.ts';
import type { JobStore } from './job-store.ts';

/** The events that the holder of a job appended to the log of the job. */
export interface Noted {
  readonly events: readonly JobEventRecord[];
  /** The category of the job. */
  readonly category: JobCategory;
  /** False if an earlier call with the same idempotency key wrote the events. */
  readonly created: boolean;
}

export interface JobNotesParts {
  readonly store: Pick<JobStore, 'append'>;
  readonly clock: Clock;
  readonly hints: JobHints;
  readonly secrets: SecretPolicy;
}

/** Appends the events of workers to the logs of their jobs. */
export class JobNotes {
  readonly #parts: JobNotesParts;

  constructor(parts: JobNotesParts) {
    this.#parts = parts;
  }

  /**
   * Appends events of the worker that holds the job, in one commit. The commit also stores the secrets that were found
   * in them. If the idempotency key was used before, returns the events of the first call. Errors: `job_not_found`,
   * `lease_lost`, `job_state_conflict`, `job_ownership_mismatch`, `invalid_request`, `secret_found`,
   * `idempotency_conflict`.
   */
  async append(holder: Holder, jobId: string, inputs: readonly EventInput[], key?: string): Promise<Noted> {
    const { store, clock, hints, secrets } = this.#parts;
    const events = noteDrafts(inputs);
    if (!isUuid(jobId)) throw jobNotFound(jobId);
    const found = await secrets.checkEach(
      events.map((event, index) => textsOfEvent(event, events.length === 1 ? '' : `events.${String(index)}.`)),
    );
    const idempotency =
      key === undefined ? undefined : idempotencyOf(clock, holder.workerId, 'appendEvents', key, [jobId, events]);
    const findings = (firstSeq: number): SecretFindings | null => numbered(found, firstSeq);
    const result = await store.append({ jobId, fence: holder, events, findings, idempotency });
    if (result === undefined) throw jobNotFound(jobId);
    if (result.outcome === 'conflict') throw idempotencyConflict();
    if (result.outcome === 'refused') throw new AppError(result.refusal.code, result.refusal.message);
    const created = result.outcome === 'appended';
    const seq = result.events.at(-1)?.seq;
    if (created && seq !== undefined) hints.publish({ jobId, seq, status: result.status });
    return { events: result.events, category: result.category, created };
  }
}

/**
 * Merges the findings of several events into one. The sequence number of an event is added to the names of its fields.
 */
function numbered(found: readonly (SecretFindings | null)[], firstSeq: number): SecretFindings | null {
  const named = found.map((findings, index) => findingsUnder(`events.${String(firstSeq + index)}.`, findings));
  return named.reduce(mergedFindings, null);
}

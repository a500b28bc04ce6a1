import { isAppError } from '@proofhouse/core';
import type { ClaimedJob, JobNote } from '../api/jobs-api.ts';
import type { ProofhouseClient } from '../proofhouse-client.ts';
import type { SecretMask } from '../masking/secret-mask.ts';
import { messageOf } from './message-of.ts';
import type { WorkerLog } from './worker-options.ts';

/** Time limit in milliseconds for writing one milestone. */
const longestMs = 5000;

interface MilestoneParts {
  readonly client: ProofhouseClient;
  readonly job: ClaimedJob;
  readonly log: WorkerLog;
  readonly lost: AbortSignal;
  /** Undefined if events must be written unchanged. */
  readonly mask: SecretMask | undefined;
  /** Called if the answer to a write says that the lease has ended. */
  readonly onLost: (error: unknown) => void;
}

/**
 * Writes milestones of a job as events into the log of the job, in order and without blocking the work. (A milestone is
 * a short message about the progress.) A failed write is logged as a warning. The caller must await `written` before it
 * ends the job.
 */
export class Milestones {
  readonly #parts: MilestoneParts;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: MilestoneParts) {
    this.#parts = parts;
  }

  note(note: JobNote): void {
    this.#last = this.#last.then(() => this.#write(note));
  }

  async written(): Promise<void> {
    await this.#last;
  }

  async #write(note: JobNote): Promise<void> {
    const { client, job, log, lost, onLost } = this.#parts;
    try {
      const options = { signal: lost, tries: 2, timeoutMs: longestMs };
      await client.jobs.note(job.id, job.leaseId, this.#masked(note), options);
    } catch (error) {
      // The lease is lost. `runJob` reports this when the work has ended.
      if (lost.aborted) return;
      if (isAppError(error, 'lease_lost')) {
        onLost(error);
        return;
      }
      log({ level: 'warn', jobId: job.id, message: `"${note.message}" was not written down: ${messageOf(error)}` });
    }
  }

  /** Called when the note is sent, so that values added since its creation are masked too. */
  #masked(note: JobNote): JobNote {
    const { mask } = this.#parts;
    if (mask === undefined) return note;
    return { ...note, message: mask.text(note.message), payload: mask.json(note.payload) };
  }
}

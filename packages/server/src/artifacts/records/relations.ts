import { AppError, type Principal } from '@proofhouse/core';
import { exists, type Conflict, type Precondition } from '../../kernel/commit.ts';
import { uploadRefusal } from '../job-uploads.ts';

/** The records that a new artifact refers to. */
export interface Relations {
  readonly jobId?: string | null | undefined;
  readonly experimentId?: string | null | undefined;
}

/**
 * Returns the preconditions for the relations in the commit of a new artifact. The related records must exist. If a
 * worker names a job, it must hold the job, and it may name only its own experiment. Errors: `forbidden`.
 */
export function relationPreconditions(
  principal: Principal,
  { jobId, experimentId }: Relations,
  leaseId?: string,
): Precondition[] {
  const conditions: Precondition[] = [];
  if (jobId != null) {
    const fence = principal.kind === 'worker' ? { workerId: principal.workerId, leaseId } : undefined;
    conditions.push(fence === undefined ? exists('job', jobId) : { kind: 'job-held', jobId, fence });
  }
  if (experimentId != null) {
    if (principal.kind === 'worker' && principal.membership?.experimentId !== experimentId) {
      throw new AppError('forbidden', 'A worker names only the experiment in which it is registered.');
    }
    conditions.push(exists('experiment', experimentId));
  }
  return conditions;
}

/** Returns the error for a relation that does not allow the commit of a new artifact. */
export function relationRefusal(conflict: Conflict): AppError {
  if (conflict.kind === 'fence') return uploadRefusal(conflict.refusal);
  if (conflict.kind !== 'missing') return new AppError('version_conflict', 'A record changed meanwhile; try again.');
  const id = JSON.stringify(conflict.id.slice(0, 80));
  if (conflict.record === 'job') return new AppError('job_not_found', `There is no job ${id}.`);
  return new AppError('experiment_not_found', `There is no experiment ${id}.`);
}

import { AppError } from '@proofhouse/core';

export function jobNotFound(jobId: string): AppError {
  return new AppError('job_not_found', `There is no job ${JSON.stringify(jobId.slice(0, 80))}.`);
}

/**
 * Returns the error for an idempotency key that an earlier, different request used. If a request has several keys,
 * `path` is the field of this key.
 */
export function idempotencyConflict(path?: string): AppError {
  const message = 'This Idempotency-Key was used for a different request; use a new one.';
  if (path === undefined) return new AppError('idempotency_conflict', message);
  return new AppError('idempotency_conflict', `${path}: ${message}`, { errors: [{ path, message }] });
}

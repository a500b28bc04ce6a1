import { AppError } from '@proofhouse/core';

export function jobNotFound(jobId: string): AppError {
  return new AppError('job_not_found', `There is no job ${JSON.stringify(jobId.slice(0, 80))}.`);
}

/** `path` is the request field with the key, for requests with several idempotency keys. */
export function idempotencyConflict(path?: string): AppError {
  const message = 'This Idempotency-Key was used for a different request; use a new one.';
  if (path === undefined) return new AppError('idempotency_conflict', message);
  return new AppError('idempotency_conflict', `${path}: ${message}`, { errors: [{ path, message }] });
}

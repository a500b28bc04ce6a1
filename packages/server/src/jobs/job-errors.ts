import { AppError } from '@proofhouse/core';

export function fieldError(path: string, message: string): AppError {
  return new AppError('invalid_request', `${path}: ${message}.`, { errors: [{ path, message }] });
}

export function jobNotFound(jobId: string): AppError {
  return new AppError('job_not_found', `There is no job ${JSON.stringify(jobId.slice(0, 80))}.`);
}

export function idempotencyConflict(): AppError {
  return new AppError('idempotency_conflict', 'This Idempotency-Key was used for a different request; use a new one.');
}

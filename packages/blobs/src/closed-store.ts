import { AppError } from '@proofhouse/core';

/** Returns the error that every method of a blob backend throws before `open` and after `close`. */
export function closedStore(): AppError {
  return new AppError('unavailable', 'The blob storage is not open. Open it first, or try again after the restart.');
}

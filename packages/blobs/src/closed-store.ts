import { AppError } from '@proofhouse/core';

/** Returns the error of every call to a driver before `open` and after `close`. */
export function closedStore(): AppError {
  return new AppError('unavailable', 'The blob storage is not open. Open it first, or try again after the restart.');
}

import { isAppError, type AppError, type ErrorCode } from '@proofhouse/core';

/**
 * Returns the result of `parse`, or the `AppError` with one of these codes that `parse` throws. Any other error is
 * thrown again, as a finding of the fuzzer.
 */
export function refusalOr<T>(parse: () => T, ...codes: ErrorCode[]): T | AppError {
  try {
    return parse();
  } catch (error) {
    return requireCode(error, codes);
  }
}

/** Same as `refusalOr`, for asynchronous functions. */
export async function laterRefusalOr<T>(parse: () => Promise<T>, ...codes: ErrorCode[]): Promise<T | AppError> {
  try {
    return await parse();
  } catch (error) {
    return requireCode(error, codes);
  }
}

function requireCode(error: unknown, codes: readonly ErrorCode[]): AppError {
  if (isAppError(error) && codes.includes(error.code)) return error;
  throw error;
}

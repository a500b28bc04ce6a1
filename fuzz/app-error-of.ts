import { isAppError, type AppError, type ErrorCode } from '@proofhouse/core';

/**
 * Returns the result of `parse`, or the `AppError` that it throws with one of these codes. Throws any other error,
 * which is a finding of the fuzzer.
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

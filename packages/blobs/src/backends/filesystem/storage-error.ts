import { AppError, type ErrorCode } from '@proofhouse/core';

/** Returns the code of a system error (`ENOSPC`), or undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

const full = new Set(['ENOSPC', 'EDQUOT']);
/** Codes of system errors that mean that an entry in the path is not a plain file or folder. */
const planted = new Set(['ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO', 'ENODEV']);

/**
 * Converts any error to an `AppError` with the code `storage_full`, `integrity_failure` or `unavailable`. Only its
 * cause contains the path. The cause is logged and not sent to clients.
 */
export function storageError(operation: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error) ?? 'unknown';
  const fail = (code: ErrorCode, message: string): AppError =>
    new AppError(code, message, { cause: error, details: { operation, errno } });
  if (full.has(errno)) {
    return fail('storage_full', `There is no room to ${operation} (${errno}). Free some space and try again.`);
  }
  if (planted.has(errno)) {
    return fail(
      'integrity_failure',
      `Something that is not a plain file was met on trying to ${operation} (${errno}).`,
    );
  }
  return fail('unavailable', `The blob storage could not ${operation} (${errno}). Check its disk and permissions.`);
}

/**
 * Returns the error for an entry that is not a plain file or folder, as the store creates them. The message begins with
 * `what`.
 */
export function notPlain(what: string): AppError {
  return new AppError('integrity_failure', `${what} is not a plain file or folder. Run \`proofhouse storage verify\`.`);
}

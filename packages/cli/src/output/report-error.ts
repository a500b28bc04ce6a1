import { AppError, isAppError, problemOf } from '@proofhouse/core';
import type { CommandContext } from '../command-context.ts';
import { printable } from './printable.ts';

/** Prints an error on standard error and returns its exit code. */
export function reportError(error: unknown, context: CommandContext, json: boolean): number {
  // After Ctrl-C the user needs no message.
  if (context.interrupted) return 130;
  const known = knownError(error);
  if (json) context.stderr.write(`${JSON.stringify(problemOf(known))}\n`);
  else context.stderr.write(`${errorText(known)}\n`);
  // An error that is no AppError is a defect of this command and not of the server. So the exit code is 1.
  return known.code === 'internal' && !isAppError(error) ? 1 : known.exitCode;
}

function errorText(error: AppError): string {
  // The message may already contain errors of fields. They are not repeated.
  const fields = error.errors.filter(({ message }) => !error.message.includes(message));
  const lines = [`proofhouse: ${error.message}`, ...fields.map(({ path, message }) => `  ${path}: ${message}`)];
  return lines.map(printable).join('\n');
}

const wrongFile = new Map([
  ['ENOENT', 'does not exist'],
  ['EACCES', 'may not be accessed by this user'],
  ['EPERM', 'may not be accessed by this user'],
  ['EISDIR', 'is a folder'],
  ['ENOTDIR', 'lies below something that is no folder'],
  ['EEXIST', 'exists already'],
]);

/**
 * Converts any error to an `AppError`. A known file system error gets its own sentence. An unknown error becomes
 * `internal`.
 */
export function knownError(error: unknown): AppError {
  if (isAppError(error)) return error;
  const { code, path, message } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : wrongFile.get(code);
  if (reason !== undefined && path !== undefined) {
    return new AppError('invalid_request', `${path} ${reason}.`, { cause: error });
  }
  if (code === 'ENOSPC') return new AppError('storage_full', `There is no room left for ${path ?? 'the file'}.`);
  return new AppError('internal', message, { cause: error });
}

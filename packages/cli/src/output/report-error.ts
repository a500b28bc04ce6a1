import { AppError, isAppError, problemOf } from '@proofhouse/core';
import type { CommandContext } from '../command-context.ts';
import { printable } from './printable.ts';

/** Says what went wrong on standard error and gives the exit code for it. */
export function reportError(error: unknown, context: CommandContext, json: boolean): number {
  // The person who interrupted needs no explanation.
  if (context.interrupted) return 130;
  const known = knownError(error);
  if (json) context.stderr.write(`${JSON.stringify(problemOf(known))}\n`);
  else context.stderr.write(`${errorText(known)}\n`);
  // What nobody foresaw is this command's failure, not the server's.
  return known.code === 'internal' && !isAppError(error) ? 1 : known.exitCode;
}

function errorText(error: AppError): string {
  // Messages that name their fields already are not said twice.
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

/** Any failure as an error with a code: those of the file system in words, what nobody foresaw as `internal`. */
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

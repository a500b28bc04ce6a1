import { AppError } from '@proofhouse/core';

/**
 * Maps an error of SQLite or of the file system to an `AppError`. During the start, `file` (a path or ":memory:") must
 * be given, and the message names it. Once the server runs, `file` must be omitted, because callers must not see the
 * path of the database.
 */
export function sqliteError(error: unknown, file?: string): AppError {
  const database = file === undefined ? 'database' : `database ${file}`;
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC') {
    return new AppError('storage_full', `There is no room left for the ${database}; free some disk space.`, {
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB'))
    return notOurs(file ?? 'The database file', error);
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/.test(code) || /^E(ACCES|EXIST|PERM|ROFS|NOTDIR|ISDIR)$/.test(code)) {
    const message = `The ${database} cannot be opened for writing; check the path and its permissions.`;
    return new AppError('unavailable', message, { cause: error });
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    const message =
      `Another program holds a lock on the ${database} (sqlite3, a backup tool or a file browser, for example); ` +
      'end that program or let it finish.';
    return new AppError('unavailable', message, { cause: error });
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new AppError('unavailable', `Reading or writing the ${database} failed.`, { cause: error });
  }
  return new AppError('internal', `The ${database} failed.`, { cause: error });
}

/** Returns true if a new job violates the not-null constraint of its route; see `QueueDialect.isClosedRoute`. */
export function isClosedRoute(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : undefined;
  return (
    cause instanceof Error && codeOf(cause) === 'SQLITE_CONSTRAINT_NOTNULL' && cause.message.endsWith('jobs.route_id')
  );
}

export function notOurs(file: string, cause?: unknown): AppError {
  const message = `${file} is not a Proofhouse database or is damaged; restore a backup or name another file.`;
  return new AppError('internal', message, { cause });
}

export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

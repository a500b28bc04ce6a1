import { AppError } from '@proofhouse/core';

/** What went wrong with the file, for a person. `file` is a path or ":memory:". */
export function sqliteError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC') {
    return new AppError('storage_full', `There is no room left for the database ${file}; free some disk space.`, {
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) return notOurs(file, error);
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/.test(code) || /^E(ACCES|EXIST|PERM|ROFS|NOTDIR|ISDIR)$/.test(code)) {
    const message = `The database ${file} cannot be opened for writing; check the path and its permissions.`;
    return new AppError('unavailable', message, { cause: error });
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    const message = `The database ${file} is held by another program; end it or let it finish.`;
    return new AppError('unavailable', message, { cause: error });
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new AppError('unavailable', `Reading or writing the database ${file} failed.`, { cause: error });
  }
  return new AppError('internal', `The database ${file} failed.`, { cause: error });
}

export function notOurs(file: string, cause?: unknown): AppError {
  const message = `${file} is not a Proofhouse database or is damaged; restore a backup or name another file.`;
  return new AppError('internal', message, { cause });
}

export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

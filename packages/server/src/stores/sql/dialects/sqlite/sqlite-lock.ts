import Database from 'better-sqlite3';
import { AppError } from '@proofhouse/core';
import { createPrivateFile } from '../../../../kernel/files/private-files.ts';
import { codeOf } from './sqlite-errors.ts';

/**
 * Locks a database file against a second server by an exclusive transaction on `<file>.lock`, which is held until
 * `release`. The kernel releases the lock when the process ends in any way. The lock file is never removed. Otherwise a
 * second server could create a new file of the same name and lock that one. Throws `unavailable` if another process
 * holds the lock.
 */
export function lockDatabase(file: string): { release: () => void } {
  createPrivateFile(`${file}.lock`);
  const lock = new Database(`${file}.lock`, { timeout: 0 });
  try {
    lock.pragma('journal_mode = delete');
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
    const message = `Another server uses the database ${file}; stop it, or give this one a file of its own.`;
    throw new AppError('unavailable', message, { cause: error });
  }
  return {
    release: () => {
      lock.close();
    },
  };
}

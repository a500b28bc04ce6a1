import Database from 'better-sqlite3';
import { AppError } from '@proofhouse/core';
import { createPrivateFile } from '../../../../kernel/files/private-files.ts';
import { codeOf } from './sqlite-errors.ts';

/**
 * Keeps a second server off the same file. An exclusive transaction on a side database is held for as
 * long as the engine lives; the kernel ends it when the process dies, however it dies. The side file stays: removing
 * it would let two servers hold two files of one name.
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

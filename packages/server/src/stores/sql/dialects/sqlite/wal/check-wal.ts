import { closeSync, copyFileSync, existsSync, openSync } from 'node:fs';
import { AppError } from '@proofhouse/core';
import Database from 'better-sqlite3';
import { readLog, storedGeneration, type LogReport } from './write-ahead-log.ts';

/**
 * Checks the WAL that a crash left beside a database file, before SQLite applies the WAL. If a part of the WAL cannot
 * be used, keeps a copy of the WAL and calls `onNotice` with a sentence. Changes nothing else.
 *
 * Errors: `unavailable` (the WAL belongs to another database, or to another state of this one), `internal` (the
 * database is damaged), and the `SQLITE_BUSY` of SQLite. Must not be called while this process has the database open.
 */
export function checkWal(file: string, onNotice: (notice: string) => void): void {
  const log = readLog(file);
  if (log === undefined) return;
  if (log.sizeBytes > 0) requireOwnLog(file, log);
  if (log.lostCommits > 0) onNotice(lossOf(file, log));
  if (log.sizeBytes > 0) quickCheck(file);
}

function requireOwnLog(file: string, { generations }: LogReport): void {
  const stored = readGeneration(file);
  // A WAL that does not contain the first page of the database has no generation to compare. It is accepted here,
  // because `quick_check` runs afterwards.
  if (stored !== undefined && generations === undefined) return;
  const isOwn =
    stored !== undefined &&
    generations !== undefined &&
    generations.lowest - 1 <= stored &&
    stored <= generations.highest;
  if (isOwn) return;
  throw new AppError(
    'unavailable',
    `The log ${file}-wal was not written for the file ${file} as it is now: was another file or a backup put there? ` +
      `Move ${file}-wal and ${file}-shm to another folder to start without what the log holds, or put back the file that they belong to.`,
  );
}

function readGeneration(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const handle = openSync(file, 'r');
  try {
    return storedGeneration(handle);
  } finally {
    closeSync(handle);
  }
}

function lossOf(file: string, { sizeBytes, usableBytes, lostCommits, salt }: LogReport): string {
  const log = `${file}-wal`;
  if (sizeBytes === 0) return `The log ${log} is missing or empty although it held commits: what they wrote is lost.`;
  const copy = `${log}.damaged-${salt}`;
  if (!existsSync(copy)) copyFileSync(log, copy);
  return (
    `The log ${log} is damaged or cut: of ${String(sizeBytes)} bytes the first ${String(usableBytes)} were used, and at least ` +
    `${String(lostCommits)} ${lostCommits === 1 ? 'commit' : 'commits'} behind them could not be. A copy is kept as ${copy}.`
  );
}

function quickCheck(file: string): void {
  // The connection is read-only. A writable connection would run a checkpoint when it closes.
  const database = new Database(file, { readonly: true, timeout: 0 });
  try {
    const found = database.pragma('quick_check(1)', { simple: true });
    if (found === 'ok') return;
    const message = `The database ${file} is damaged after a crash (${String(found)}); restore a backup.`;
    throw new AppError('internal', message);
  } finally {
    database.close();
  }
}

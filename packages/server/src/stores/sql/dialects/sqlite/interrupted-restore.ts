import { existsSync } from 'node:fs';
import { AppError } from '@proofhouse/core';

/** The restored database, as long as a restore has not put it in its place. */
export function restoreBegun(file: string): string {
  return `${file}.restoring`;
}

/** Errors: `unavailable` where a restore was interrupted after it had begun to move files. */
export function requireNoInterruptedRestore(file: string): void {
  if (!existsSync(restoreBegun(file))) return;
  throw new AppError(
    'unavailable',
    `A restore of ${file} was interrupted: run \`proofhouse backup restore\` again (or, to go back, put the moved files into their place and remove ${restoreBegun(file)}).`,
  );
}

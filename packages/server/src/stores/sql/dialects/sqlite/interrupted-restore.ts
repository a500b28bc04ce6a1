import { existsSync } from 'node:fs';
import { AppError } from '@proofhouse/core';

/** Returns the path at which a restore stages the new database before the restore renames it to `file`. */
export function restoreBegun(file: string): string {
  return `${file}.restoring`;
}

/** Throws `unavailable` if a restore was interrupted after it had started to move files. */
export function requireNoInterruptedRestore(file: string): void {
  if (!existsSync(restoreBegun(file))) return;
  throw new AppError(
    'unavailable',
    `A restore of ${file} was interrupted: run \`proofhouse backup restore\` again (or, to go back, put the moved files into their place and remove ${restoreBegun(file)}).`,
  );
}

import { messageOf } from '../../message-of.ts';

/** Returns true if the error means that the disk of the worker is full. Evidence is then a loss, and not only left out. */
export function isOutOfSpace(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded/.test(messageOf(error));
}

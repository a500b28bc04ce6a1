import { messageOf } from '../../message-of.ts';

/** Returns true if the error means that the disk of the worker is full. The missing evidence then counts as a loss. */
export function isOutOfSpace(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded/.test(messageOf(error));
}

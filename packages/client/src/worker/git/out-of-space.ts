import { messageOf } from '../message-of.ts';

/** The disk of the worker is full: evidence is lost, not left out. */
export function isOutOfSpace(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded/.test(messageOf(error));
}

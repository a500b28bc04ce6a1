import type { Identity } from '@proofhouse/core';
import { printable } from './printable.ts';

/** Returns one line about the owner of a credential. */
export function identityText({ kind, id, name, role, experimentId }: Identity): string {
  if (kind === 'admin') return "admin  This is the admin's token.";
  const experiment = experimentId === undefined ? [] : [`of experiment ${experimentId}`];
  const parts = [id, ...(name === null ? [] : [name]), ...(kind === 'user' ? [role] : []), ...experiment];
  return parts.map(printable).join('  ');
}

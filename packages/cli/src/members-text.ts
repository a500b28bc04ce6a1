import type { WireGroup } from '@proofhouse/core';
import { printable } from './printable.ts';

/** Who is in a group now, in one line. */
export function membersText({ group_id, members }: WireGroup): string {
  const who = members.length === 0 ? 'no members' : `${members.length} members: ${members.join(', ')}`;
  return printable(`Group ${group_id} has ${who.replace(/^1 members/, '1 member')}.\n`);
}

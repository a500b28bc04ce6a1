import type { V0Group } from '@proofhouse/core';
import { printable } from './printable.ts';
import { counted } from './quantities.ts';

/** Returns one line with the members of a group. */
export function membersText({ group_id, members }: V0Group): string {
  const who = members.length === 0 ? 'no members' : `${counted(members.length, 'member')}: ${members.join(', ')}`;
  return printable(`Group ${group_id} has ${who}.\n`);
}

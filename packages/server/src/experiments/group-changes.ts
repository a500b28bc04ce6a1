import type { GroupEntry, GroupMember, GroupRecord } from '@proofhouse/core';
import { insert, unchanged, update, type Change, type Commit } from '../kernel/commit.ts';
import { maxItems } from '../kernel/commit-items.ts';

/** Room beside a new group and its members, for what else its commit writes and checks. */
const roomForOthers = 9;

/** How a new group is written. */
export interface NewGroupWrites {
  /** Commits that come first, in order: they write a hidden group. Empty for a group whose members fit in one commit. */
  readonly hidden: readonly Pick<Commit, 'changes' | 'preconditions'>[];
  /** The changes of the commit by which the group becomes visible. */
  readonly visible: readonly Change[];
  /** The group as it is once it is visible. */
  readonly made: GroupRecord;
}

/**
 * One commit for a group with few members. With many, the group is hidden while its members are added in several commits,
 * each under the condition that it is unchanged: a cleaner that removes it meanwhile ends its making.
 */
export function newGroupWrites(group: GroupRecord): NewGroupWrites {
  const members = memberInserts(group);
  const entry = entryOf(group, null);
  if (members.length < maxItems - roomForOthers) {
    return { hidden: [], visible: [insert('group', entry), ...members], made: group };
  }
  const begin = { changes: [insert('group', entryOf(group, group.createdAt))], preconditions: [] };
  const preconditions = [unchanged('group', group.id, group.version)];
  const batches = chunksOf(members, maxItems - preconditions.length).map((changes) => ({ changes, preconditions }));
  return {
    hidden: [begin, ...batches],
    visible: [update('group', entry, group.version)],
    made: { ...group, version: group.version + 1 },
  };
}

/** Deletes the group at once for every reader. Its members go later, by a cleaner. */
export function hideGroup(group: GroupRecord, hiddenAt: number): Change {
  return update('group', entryOf(group, hiddenAt), group.version);
}

function entryOf({ members: _, ...group }: GroupRecord, hiddenAt: number | null): GroupEntry {
  return { ...group, hiddenAt };
}

function memberInserts({ id, experimentId, members, createdAt }: GroupRecord): Change[] {
  return members.map((memberId, index) => {
    const member: GroupMember = { groupId: id, memberId, experimentId, addedAt: createdAt, place: index + 1 };
    return insert('member', member, 'keep');
  });
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

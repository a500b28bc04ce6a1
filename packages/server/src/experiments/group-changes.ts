import type { GroupEntry, GroupMember, GroupRecord } from '@proofhouse/core';
import { insert, unchanged, update, type Change, type Commit } from '../kernel/commit.ts';
import { maxItems } from '../kernel/commit-items.ts';

/**
 * The number of items of a commit is limited. A commit that adds members leaves this many items free for its other
 * changes and its preconditions.
 */
const roomForOthers = 9;

/** The commits that create a new group. */
export interface NewGroupWrites {
  /**
   * Commits that write the group and its members while the group is hidden. They must be applied first, in this order. Empty
   * if the group and its members fit in one commit.
   */
  readonly hidden: readonly Pick<Commit, 'changes' | 'preconditions'>[];
  /** The changes of the last commit, which makes the group visible. */
  readonly visible: readonly Change[];
  /** The record of the group after the last commit. */
  readonly made: GroupRecord;
}

/**
 * Returns the commits that create a group. A group with few members needs one commit. A group with many members is
 * hidden while several commits add its members. Each of these commits requires that the group is unchanged. A cleanup
 * of hidden groups may remove the group between two commits. The next commit then fails.
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

/**
 * Returns the change that deletes a group. The change hides the group, so that no reader finds it any more. A cleanup
 * of hidden groups removes its members and its row later.
 */
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

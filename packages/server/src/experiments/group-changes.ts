import type { GroupEntry, GroupMember, GroupRecord } from '@proofhouse/core';
import { insert, unchanged, update, type Change, type Commit } from '../kernel/commit.ts';
import { maxItems } from '../kernel/commit-items.ts';

/**
 * Number of items of a commit that must stay free for changes other than members, and for preconditions. The number of
 * items of one commit is limited.
 */
const roomForOthers = 9;

/** The commits that create a new group. */
export interface NewGroupWrites {
  /**
   * The commits that write the group and its members while the group is hidden. They must be applied first, in this
   * order. Empty if one commit can create the whole group.
   */
  readonly hidden: readonly Pick<Commit, 'changes' | 'preconditions' | 'isPreparation'>[];
  /** The changes of the last commit, which makes the group visible. */
  readonly visible: readonly Change[];
  /** The record of the group after all commits. */
  readonly made: GroupRecord;
}

/**
 * Returns the commits that create a group. A group with few members needs one commit. A group with many members is
 * hidden while several commits add its members. Each of these commits requires that the group is unchanged. If a
 * cleanup of hidden groups removes the group between two commits, the next commit fails.
 */
export function newGroupWrites(group: GroupRecord): NewGroupWrites {
  const members = memberInserts(group);
  const entry = entryOf(group, null);
  if (members.length < maxItems - roomForOthers) {
    return { hidden: [], visible: [insert('group', entry), ...members], made: group };
  }
  const isPreparation = true;
  const begin = {
    changes: [insert('group', entryOf(group, group.createdAt))],
    preconditions: [],
    isPreparation,
  } as const;
  const preconditions = [unchanged('group', group.id, group.version)];
  const batches = chunksOf(members, maxItems - preconditions.length).map(
    (changes) => ({ changes, preconditions, isPreparation }) as const,
  );
  return {
    hidden: [begin, ...batches],
    visible: [update('group', entry, group.version)],
    made: { ...group, version: group.version + 1 },
  };
}

/**
 * Returns the change that deletes a group. It hides the group from all readers. A cleanup of hidden groups removes the
 * members and the row of the group later.
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

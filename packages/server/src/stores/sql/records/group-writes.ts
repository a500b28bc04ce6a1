import { groupLimits, type GroupRecord } from '@proofhouse/core';
import type { Commit, Conflict } from '../../../kernel/commit.ts';
import type { GroupMemberRow, GroupRow } from '../engine/schema.ts';
import { statement } from '../engine/statement.ts';
import { first, put, type Verb } from '../engine/verb.ts';

const lockGroup = statement<{ id: string }>()((db, p, syntax) =>
  syntax.locked(db.selectFrom('groups').select('id').where('id', '=', p.id), 'wait'),
);

const insertGroup = statement<GroupRow>()((db, p) =>
  db.insertInto('groups').values({
    id: p.id,
    experiment_id: p.experiment_id,
    name: p.name,
    created_by: p.created_by,
    created_at: p.created_at,
  }),
);

const deleteGroupRow = statement<{ id: string }>()((db, p) => db.deleteFrom('groups').where('id', '=', p.id));

const deleteMembers = statement<{ groupId: string }>()((db, p) =>
  db.deleteFrom('group_members').where('group_id', '=', p.groupId),
);

const insertMember = statement<GroupMemberRow>()((db, p) =>
  db
    .insertInto('group_members')
    .values({
      group_id: p.group_id,
      member_id: p.member_id,
      experiment_id: p.experiment_id,
      added_at: p.added_at,
      place: p.place,
    })
    .onConflict((on) => on.columns(['group_id', 'member_id']).doNothing()),
);

/** The places are free to be counted: whoever adds holds the group's row. */
const findNextPlace = statement<{ groupId: string }>()((db, p) =>
  db
    .selectFrom('groups')
    .select((eb) => [
      'groups.experiment_id',
      eb
        .selectFrom('group_members')
        .select('place')
        .whereRef('group_members.group_id', '=', 'groups.id')
        .orderBy('place', 'desc')
        .limit(1)
        .as('last'),
    ])
    .where('groups.id', '=', p.groupId),
);

const findMember = statement<{ groupId: string; memberId: string }>()((db, p) =>
  db.selectFrom('group_members').select('place').where('group_id', '=', p.groupId).where('member_id', '=', p.memberId),
);

const countMembers = statement<{ groupId: string }>()((db, p) =>
  db
    .selectFrom('group_members')
    .select((eb) => eb.fn.countAll<number>().as('members'))
    .where('group_id', '=', p.groupId),
);

const deleteMember = statement<{ groupId: string; memberId: string }>()((db, p) =>
  db.deleteFrom('group_members').where('group_id', '=', p.groupId).where('member_id', '=', p.memberId),
);

/** Holds every group that the commit relies on or deletes, in one order; a missing one is a conflict. */
export function* holdGroups({ preconditions, changes }: Commit): Verb<Conflict | undefined> {
  const ids = [...preconditions, ...changes].flatMap((item) =>
    item.kind === 'group-exists' || item.kind === 'delete-group' ? [item.groupId] : [],
  );
  for (const groupId of [...new Set(ids)].sort()) {
    if ((yield* first(lockGroup, { id: groupId })) === undefined) return { kind: 'group-missing', groupId };
  }
  return undefined;
}

export function* addGroup(group: GroupRecord): Verb<undefined> {
  const { id, experimentId, name, createdBy, createdAt } = group;
  yield* put(insertGroup, { id, experiment_id: experimentId, name, created_by: createdBy, created_at: createdAt });
  for (const [index, memberId] of group.members.entries()) {
    yield* put(insertMember, {
      group_id: id,
      member_id: memberId,
      experiment_id: experimentId,
      added_at: createdAt,
      place: index + 1,
    });
  }
  return undefined;
}

export function* deleteGroup(groupId: string): Verb<undefined> {
  yield* put(deleteMembers, { groupId });
  yield* put(deleteGroupRow, { id: groupId });
  return undefined;
}

export function* addGroupMember(groupId: string, memberId: string, addedAt: number): Verb<Conflict | undefined> {
  const group = yield* first(findNextPlace, { groupId });
  if (group === undefined) return { kind: 'group-missing', groupId };
  const place = (group.last ?? 0) + 1;
  // Members never outnumber the last place, so that only groups that were large once are counted.
  if (place > groupLimits.members && (yield* isFull(groupId, memberId))) return { kind: 'group-full', groupId };
  yield* put(insertMember, {
    group_id: groupId,
    member_id: memberId,
    experiment_id: group.experiment_id,
    added_at: addedAt,
    place,
  });
  return undefined;
}

/** Whether there is no room for the member; one that is there already has its room. */
function* isFull(groupId: string, memberId: string): Verb<boolean> {
  if ((yield* first(findMember, { groupId, memberId })) !== undefined) return false;
  const counted = yield* first(countMembers, { groupId });
  return (counted?.members ?? 0) >= groupLimits.members;
}

export function* removeGroupMember(groupId: string, memberId: string): Verb<undefined> {
  yield* put(deleteMember, { groupId, memberId });
  return undefined;
}

import { groupLimits } from '@proofhouse/core';
import type { Change, Conflict } from '../../../kernel/commit.ts';
import { statement } from '../engine/statement.ts';
import { first, put, run, type Verb } from '../engine/verb.ts';
import type { BlobChanges } from './record-blobs.ts';
import { insertRecord } from './record-statements.ts';

/**
 * Reads the place of the last member of the group. The caller has locked the row of the group, so no other commit can
 * add a member before this one ends.
 */
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

/** Adds a member at the end of the group. This commit must have locked the group's row. */
export function* addMember(
  { groupId, memberId, addedAt }: Change & { kind: 'add-member' },
  blobs: BlobChanges,
): Verb<Conflict | undefined> {
  const group = yield* first(findNextPlace, { groupId });
  if (group === undefined) return { kind: 'missing', record: 'group', id: groupId };
  const place = (group.last ?? 0) + 1;
  // A place is never used twice. So the number of members is at most the place of the last member. The members are
  // counted only if the new place is above the limit.
  if (place > groupLimits.members && (yield* isFull(groupId, memberId))) return { kind: 'group-full', groupId };
  const value = { groupId, memberId, experimentId: group.experiment_id, addedAt, place };
  return yield* insertRecord({ kind: 'insert', record: 'member', value, whenTaken: 'keep' }, blobs);
}

/** Returns true if a new member would exceed the limit. Returns false if the group already has this member. */
function* isFull(groupId: string, memberId: string): Verb<boolean> {
  if ((yield* first(findMember, { groupId, memberId })) !== undefined) return false;
  const counted = yield* first(countMembers, { groupId });
  return (counted?.members ?? 0) >= groupLimits.members;
}

export function* removeMember({ groupId, memberId }: Change & { kind: 'remove-member' }): Verb<undefined> {
  yield* put(deleteMember, { groupId, memberId });
  return undefined;
}

/** A group is hidden while a server creates it. After this time (ms), the server cannot still be creating it. */
const hiddenForMs = 60 * 60 * 1000;

const longHidden = statement<{ before: number }>()((db, p, syntax) =>
  syntax.locked(
    db.selectFrom('groups').select('id').where('hidden_at', '<=', p.before).orderBy('hidden_at').orderBy('id').limit(1),
    'skip',
  ),
);

const deleteSomeMembers = statement<{ groupId: string; limit: number }>()((db, p) =>
  db
    .deleteFrom('group_members')
    .where('group_id', '=', p.groupId)
    .where('member_id', 'in', (eb) =>
      eb.selectFrom('group_members').select('member_id').where('group_id', '=', p.groupId).limit(p.limit),
    ),
);

const deleteGroup = statement<{ id: string }>()((db, p) => db.deleteFrom('groups').where('id', '=', p.id));

/**
 * Raises the version of the group. If a server is still creating the group, its next commit gets a version conflict and
 * cannot make the group visible.
 */
const touchGroup = statement<{ id: string }>()((db, p) =>
  db
    .updateTable('groups')
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', p.id),
);

/**
 * Removes the groups that have been hidden longest: deleted groups, and groups whose server stopped while it created
 * them. The row of a group is removed after its last member. Returns the number of removed rows, which is at most
 * `limit`.
 */
export function* removeHidden(now: number, limit: number): Verb<number> {
  let removed = 0;
  while (removed < limit) {
    const group = yield* first(longHidden, { before: now - hiddenForMs });
    if (group === undefined) break;
    const members = yield* run(deleteSomeMembers, { groupId: group.id, limit: limit - removed });
    removed += members;
    if (removed === limit) {
      yield* put(touchGroup, { id: group.id });
    } else {
      yield* put(deleteGroup, { id: group.id });
      removed += 1;
    }
  }
  return removed;
}

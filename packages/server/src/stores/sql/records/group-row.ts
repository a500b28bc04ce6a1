import type { GroupEntry, GroupMember } from '@proofhouse/core';
import type { GroupMemberRow, GroupRow } from '../engine/schema.ts';

export function groupFromRow(row: GroupRow): GroupEntry {
  return {
    id: row.id,
    experimentId: row.experiment_id,
    name: row.name,
    createdBy: row.created_by,
    createdAt: row.created_at,
    version: row.version,
    hiddenAt: row.hidden_at,
  };
}

export function groupToRow(group: GroupEntry): GroupRow {
  return {
    id: group.id,
    experiment_id: group.experimentId,
    name: group.name,
    created_by: group.createdBy,
    created_at: group.createdAt,
    version: group.version,
    hidden_at: group.hiddenAt,
  };
}

export function memberToRow({ groupId, memberId, experimentId, addedAt, place }: GroupMember): GroupMemberRow {
  return { group_id: groupId, member_id: memberId, experiment_id: experimentId, added_at: addedAt, place };
}

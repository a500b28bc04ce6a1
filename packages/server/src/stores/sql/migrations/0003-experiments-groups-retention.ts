import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns, createTable } from './create-table.ts';

/**
 * Creates the tables of experiments, groups, members and read grants. Adds the experiment to registration credentials,
 * registered workers and deposited artifacts. Also adds the columns for the retention of artifacts.
 */
export async function experimentsGroupsRetention(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  const { tableEnd, clusteredTableEnd } = syntax.columns;
  await createTable(db, syntax, 'experiments', ['id'], tableEnd, {
    id: 'text',
    name: 'text?',
    created_by: 'text',
    created_at: 'integer',
    version: 'integer',
  });
  await createTable(db, syntax, 'groups', ['id'], tableEnd, {
    id: 'text',
    experiment_id: 'text',
    name: 'text?',
    created_by: 'text',
    created_at: 'integer',
  });
  await createTable(db, syntax, 'group_members', ['group_id', 'member_id'], clusteredTableEnd, {
    group_id: 'text',
    member_id: 'text',
    experiment_id: 'text',
    added_at: 'integer',
    /** Place of the member in its group: members are numbered in the order in which they were added. */
    place: 'integer',
  });
  await createTable(db, syntax, 'artifact_grants', ['artifact_id', 'reader'], clusteredTableEnd, {
    artifact_id: 'text',
    reader: 'text',
    granted_by: 'text',
    granted_at: 'integer',
  });
  await addColumns(db, syntax, 'artifacts', {
    experiment_id: 'text?',
    pinned_at: 'integer?',
    purged_at: 'integer?',
  });
  await addColumns(db, syntax, 'workers', { experiment_id: 'text?', labels: 'text?', created_by: 'text?' });
  await addColumns(db, syntax, 'credentials', { experiment_id: 'text?' });
  for (const index of indexes) await sql.raw(index).execute(db);
}

const indexes = [
  'create index experiments_newest on experiments (created_at, id)',
  'create index groups_of_experiment on groups (experiment_id, created_at, id)',
  'create index groups_by_name on groups (experiment_id, name, created_at, id)',
  'create index group_members_in_order on group_members (group_id, place, member_id)',
  'create index group_members_by_member on group_members (member_id, group_id)',
  "create index group_members_nested on group_members (experiment_id, group_id, member_id) where member_id like 'grp!_%' escape '!'",
  'create index workers_of_experiment on workers (experiment_id, created_at, id) where experiment_id is not null',
  'create index workers_by_name on workers (experiment_id, name, created_at, id) where experiment_id is not null',
  'create index artifacts_newest on artifacts (created_at, id)',
  'create index artifacts_of_experiment on artifacts (experiment_id, created_at, id) where experiment_id is not null',
  'create index artifacts_by_maker on artifacts (created_by, created_at, id)',
  'create index artifacts_kept_by_type on artifacts (type, blob_size_bytes) where purged_at is null',
  'create index artifacts_to_expire on artifacts (type, created_at, id) where purged_at is null and pinned_at is null',
];

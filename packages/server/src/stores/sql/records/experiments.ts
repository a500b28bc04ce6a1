import type { ExperimentRecord, GroupEdge, GroupEntry, GroupRecord } from '@proofhouse/core';
import { sql } from 'kysely';
import {
  mostMembersListed,
  type ExperimentStore,
  type GroupFilter,
  type HoldingGroup,
} from '../../../experiments/experiment-store.ts';
import type { Page, PageRequest } from '../../../kernel/page.ts';
import { groupFromRow } from './group-row.ts';
import { experimentFromRow } from './experiment-row.ts';
import { findRecord } from './record-statements.ts';
import { newestFirst, oldestFirst, pageOf, pageStart, placeOf, type PageParams, type Place } from '../engine/paging.ts';
import { readUpTo, type SqlEngine } from '../engine/sql-engine.ts';
import type { Placeholders } from '../engine/placeholder.ts';
import { statement, statementsBy } from '../engine/statement.ts';
import { rows, type Verb } from '../engine/verb.ts';

const listExperiments = statementsBy((place: Place, db, p: Placeholders<PageParams>) =>
  newestFirst(db.selectFrom('experiments').selectAll(), place, p).limit(p.limit),
);

const listGroups = statementsBy(
  (
    key: `${'any-name' | 'name'}:${Place}`,
    db,
    p: Placeholders<PageParams & { experimentId: string; name: string }>,
  ) => {
    const [name, place] = key.split(':') as ['any-name' | 'name', Place];
    const groups = db
      .selectFrom('groups')
      .selectAll()
      .where('experiment_id', '=', p.experimentId)
      .where('hidden_at', 'is', null)
      .$if(name === 'name', (query) => query.where('name', '=', p.name));
    return oldestFirst(groups, place, p).limit(p.limit);
  },
);

const membersOf = statement<{ groupId: string }>()((db, p) =>
  db.selectFrom('group_members').select('member_id').where('group_id', '=', p.groupId).orderBy('place'),
);

/** True for members that are groups. This must be the condition of the partial index that answers the query. */
const nested = sql<boolean>`member_id like 'grp!_%' escape '!'`;

const nestedEdges = statement<{ experimentId: string }>()((db, p) =>
  db
    .selectFrom('group_members')
    .innerJoin('groups', 'groups.id', 'group_members.group_id')
    .select(['group_id', 'member_id'])
    .where('group_members.experiment_id', '=', p.experimentId)
    .where(nested)
    .where('groups.hidden_at', 'is', null),
);

/**
 * Returns the visible groups that contain the member, directly or through nested groups. Membership through a hidden
 * group does not count. The recursive `union` visits each group once, so the query ends even if the groups form a
 * cycle.
 */
const holding = statement<{ experimentId: string; memberId: string }>()((db, p) =>
  db
    .withRecursive('holding(group_id)', (cte) =>
      cte
        .selectFrom('group_members')
        .innerJoin('groups', 'groups.id', 'group_members.group_id')
        .select('group_members.group_id')
        .where('group_members.member_id', '=', p.memberId)
        .where('group_members.experiment_id', '=', p.experimentId)
        .where('groups.hidden_at', 'is', null)
        .union(
          cte
            .selectFrom('holding')
            .innerJoin('group_members', 'group_members.member_id', 'holding.group_id')
            .innerJoin('groups', 'groups.id', 'group_members.group_id')
            .select('group_members.group_id')
            .where('group_members.experiment_id', '=', p.experimentId)
            .where('groups.hidden_at', 'is', null),
        ),
    )
    .selectFrom('holding')
    .innerJoin('groups', 'groups.id', 'holding.group_id')
    .select(['groups.id', 'groups.name']),
);

export class SqlExperimentStore implements ExperimentStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  find(experimentId: string): Promise<ExperimentRecord | undefined> {
    return this.#engine.look(() => findRecord('experiment', experimentId));
  }

  list(page: PageRequest): Promise<Page<ExperimentRecord>> {
    const list = listExperiments(placeOf(page.after));
    return readUpTo(this.#engine, page.limit, function* () {
      const { items, next } = pageOf(yield* rows(list, pageStart(page)), page.limit);
      return { items: items.map(experimentFromRow), next };
    });
  }

  findGroup(groupId: string): Promise<GroupRecord | undefined> {
    return this.#engine.scan(function* () {
      const group = yield* findRecord('group', groupId);
      return group === undefined ? undefined : yield* withMembers(group);
    });
  }

  listGroups({ experimentId, name }: GroupFilter, page: PageRequest): Promise<Page<GroupRecord>> {
    const list = listGroups(`${name === undefined ? 'any-name' : 'name'}:${placeOf(page.after)}`);
    return this.#engine.scan(function* () {
      const found = yield* rows(list, { experimentId, name: name ?? '', ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      const groups: GroupRecord[] = [];
      let listed = 0;
      for (const row of items) {
        const group = yield* withMembers(groupFromRow(row));
        groups.push(group);
        listed += group.members.length;
        const isShort = listed >= mostMembersListed && groups.length < items.length;
        if (isShort) return { items: groups, next: { at: row.created_at, id: row.id } };
      }
      return { items: groups, next };
    });
  }

  // The version is read before the edges (the pairs of a group and a nested group). If another commit changes edges
  // between the two reads, the version is outdated. A commit that requires this version is then refused.
  nestedGroups(experimentId: string): Promise<{ version: number; edges: GroupEdge[] }> {
    return this.#engine.scan(function* () {
      const experiment = yield* findRecord('experiment', experimentId);
      const found = yield* rows(nestedEdges, { experimentId });
      const edges = found.map((row) => ({ groupId: row.group_id, memberGroupId: row.member_id }));
      return { version: experiment?.version ?? 0, edges };
    });
  }

  groupsHolding(experimentId: string, memberId: string): Promise<HoldingGroup[]> {
    return this.#engine.read(() => rows(holding, { experimentId, memberId }));
  }
}

function* withMembers({ hiddenAt: _, ...group }: GroupEntry): Verb<GroupRecord> {
  const members = yield* rows(membersOf, { groupId: group.id });
  return { ...group, members: members.map((member) => member.member_id) };
}

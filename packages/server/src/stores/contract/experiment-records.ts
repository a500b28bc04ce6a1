import type { ExperimentRecord, GroupRecord } from '@proofhouse/core';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'vitest';
import { Experiments } from '../../experiments/experiments.ts';
import { hideGroup, newGroupWrites } from '../../experiments/group-changes.ts';
import { Groups } from '../../experiments/groups.ts';
import { Ids, pooledRandomBytes } from '../../kernel/ids.ts';
import { ManualClock } from '../../kernel/time/manual-clock.ts';
import type { Page, PageKey } from '../../kernel/page.ts';
import { noSecretPolicy } from '../../secrets/testing/no-secret-policy.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { commitOf, start } from './records.ts';
import { exists } from '../../kernel/commit.ts';

export const admin = { kind: 'admin' } as const;
export const clock = new ManualClock(start);
export const hour = 60 * 60 * 1000;
export const ids = new Ids(clock);
export const done = { outcome: 'done', lastSeqs: {} };

export function newExperiment(over: Partial<ExperimentRecord> = {}): ExperimentRecord {
  return { id: ids.experimentId(), name: null, createdBy: 'admin', createdAt: start, version: 1, ...over };
}

export function newGroup(experimentId: string, over: Partial<GroupRecord> = {}): GroupRecord {
  return {
    id: ids.groupId(),
    experimentId,
    name: null,
    members: [],
    createdBy: 'admin',
    createdAt: start,
    version: 1,
    ...over,
  };
}

export const visibleChanges = (groups: readonly GroupRecord[]) =>
  groups.flatMap((group) => newGroupWrites(group).visible);

export async function addGroup(store: MetadataStore, group: GroupRecord): Promise<void> {
  const { hidden, visible } = newGroupWrites(group);
  const commits = [...hidden, { changes: visible, preconditions: [] }];
  for (const { changes, preconditions } of commits) {
    expect(await store.commit(commitOf(changes, { preconditions }))).toEqual(done);
  }
}

export function addMember(groupId: string, memberId: string) {
  return commitOf([{ kind: 'add-member', groupId, memberId, addedAt: start }]);
}

export function hide(group: GroupRecord, hiddenAt = start) {
  return commitOf([hideGroup(group, hiddenAt)], { preconditions: [exists('group', group.id)] });
}

export async function clean(store: MetadataStore, now: number, limit = 1000): Promise<number | undefined> {
  return store.cleaners.find(({ name }) => name === 'hidden groups')?.clean(now, limit);
}

export const rulesOn = (store: MetadataStore) => {
  const secrets = noSecretPolicy();
  const parts = { store: store.experiments, commits: store, clock, ids, random: pooledRandomBytes(), secrets };
  return { experiments: new Experiments(parts), groups: new Groups(parts) };
};

export type Rules = ReturnType<typeof rulesOn>;

/**
 * Advances the test clock until `work` settles. If another server changed the nested groups first, `work` retries after
 * a back-off, and its timer needs this clock.
 */
export async function asTimePasses<Result>(work: Promise<Result>): Promise<Result> {
  const state = { isOver: false };
  const end = (): void => {
    state.isOver = true;
  };
  void work.then(end, end);
  while (!state.isOver) {
    await turn();
    clock.advance(1);
  }
  return work;
}

export async function allPages<Item>(page: (after: PageKey | undefined) => Promise<Page<Item>>): Promise<Item[]> {
  const seen: Item[] = [];
  let after: PageKey | undefined;
  do {
    const { items, next } = await page(after);
    seen.push(...items);
    after = next;
  } while (after !== undefined);
  return seen;
}

export const byIdOnTies = <Item extends { createdAt: number; id: string }>(a: Item, b: Item) =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);

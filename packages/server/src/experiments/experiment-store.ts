import type { ExperimentRecord, GroupEdge, GroupRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/** Reads of experiments and their groups; they are written through `Commits`. */
export interface ExperimentStore {
  find(experimentId: string): Promise<ExperimentRecord | undefined>;

  /** Newest first by (createdAt, id). */
  list(page: PageRequest): Promise<Page<ExperimentRecord>>;

  findGroup(groupId: string): Promise<GroupRecord | undefined>;

  /**
   * Oldest first by (createdAt, id), `after` exclusive. A page ends early with the group by which it holds
   * `mostMembersListed` members.
   */
  listGroups(filter: GroupFilter, page: PageRequest): Promise<Page<GroupRecord>>;

  /**
   * Every group of the experiment that is a member of another, with the experiment's version at that moment or an older
   * one; version 0 when there is no such experiment.
   */
  nestedGroups(experimentId: string): Promise<{ version: number; edges: GroupEdge[] }>;

  /**
   * Every group of the experiment that holds the member, directly or through others; each once, whatever the
   * depth. Groups that are gone hold nobody.
   */
  groupsHolding(experimentId: string, memberId: string): Promise<HoldingGroup[]>;
}

/** Of all groups of a page together, the last one aside: an answer must not grow with both its groups and their members. */
export const mostMembersListed = 20_000;

export interface GroupFilter {
  readonly experimentId: string;
  readonly name?: string | undefined;
}

export interface HoldingGroup {
  readonly id: string;
  readonly name: string | null;
}

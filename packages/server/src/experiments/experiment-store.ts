import type { ExperimentRecord, GroupEdge, GroupRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/** Reads of experiments and their groups; they are written through `Commits`. */
export interface ExperimentStore {
  find(experimentId: string): Promise<ExperimentRecord | undefined>;

  /** Newest first by (createdAt, id). */
  list(page: PageRequest): Promise<Page<ExperimentRecord>>;

  findGroup(groupId: string): Promise<GroupRecord | undefined>;

  /**
   * Oldest first by (createdAt, id), `after` exclusive. A page ends early with the group that brings the number of
   * members to `mostMembersListed`.
   */
  listGroups(filter: GroupFilter, page: PageRequest): Promise<Page<GroupRecord>>;

  /**
   * Returns every membership of a group in a group of the experiment, with the experiment's version at that time or an
   * older one; version 0 if the experiment does not exist.
   */
  nestedGroups(experimentId: string): Promise<{ version: number; edges: GroupEdge[] }>;

  /**
   * Returns every group of the experiment that contains the member, directly or through others; each once, at any
   * depth. Deleted groups have no members.
   */
  groupsHolding(experimentId: string, memberId: string): Promise<HoldingGroup[]>;
}

/**
 * Largest number of members of all groups in a page, except the last group. Limits answers that have both many groups
 * and many members.
 */
export const mostMembersListed = 20_000;

export interface GroupFilter {
  readonly experimentId: string;
  readonly name?: string | undefined;
}

export interface HoldingGroup {
  readonly id: string;
  readonly name: string | null;
}

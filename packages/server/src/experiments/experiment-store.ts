import type { ExperimentRecord, GroupEdge, GroupRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/** Reads experiments and their groups. `Commits` writes them. */
export interface ExperimentStore {
  find(experimentId: string): Promise<ExperimentRecord | undefined>;

  /** Returns a page of experiments, newest first by (createdAt, id). */
  list(page: PageRequest): Promise<Page<ExperimentRecord>>;

  findGroup(groupId: string): Promise<GroupRecord | undefined>;

  /**
   * Returns a page of groups, oldest first by (createdAt, id), beginning after `page.after`. The page ends early if the
   * total number of members of its groups reaches `mostMembersListed`.
   */
  listGroups(filter: GroupFilter, page: PageRequest): Promise<Page<GroupRecord>>;

  /**
   * Returns all edges of the experiment (a group that is a member of another group), and a version of the experiment.
   * The edges are at least as new as the version. The version is 0 if the experiment does not exist.
   */
  nestedGroups(experimentId: string): Promise<{ version: number; edges: GroupEdge[] }>;

  /**
   * Returns every group of the experiment that contains the member, directly or through other groups, at any depth. Each
   * group is returned once. Deleted groups have no members.
   */
  groupsHolding(experimentId: string, memberId: string): Promise<HoldingGroup[]>;
}

/**
 * A page of groups ends when the groups together have this number of members. This limits the size of a response with
 * many large groups.
 */
export const mostMembersListed = 20_000;

export interface GroupFilter {
  readonly experimentId: string;
  readonly name?: string | undefined;
}

/** A group that contains a given member. */
export interface HoldingGroup {
  readonly id: string;
  readonly name: string | null;
}

import type { JobRecord } from '@proofhouse/core';
import { sha256Hex } from '../kernel/secret.ts';
import type { ClaimRequest } from './job-store.ts';

/**
 * What decides who may claim a job, apart from the job itself. Each distinct one is kept once, and
 * ready jobs are indexed by it, so that jobs a worker may not have are never looked at.
 */
export interface JobRoute {
  readonly id: string;
  readonly type: string;
  readonly repository: string | null;
  /** Lower case, sorted. */
  readonly capabilities: readonly string[];
}

/** The id is a hash of the content: every server names the same route alike, without asking. */
export function routeOf(job: Pick<JobRecord, 'type' | 'repository' | 'requiredCapabilities'>): JobRoute {
  const { type, repository } = job;
  const capabilities = job.requiredCapabilities.toSorted();
  const id = sha256Hex(JSON.stringify([type, repository, capabilities])).slice(0, 24);
  return { id, type, repository, capabilities };
}

/** What narrows the routes that a claimer may have jobs of. */
export type RouteScope = Pick<ClaimRequest, 'types' | 'repositories' | 'capabilities'>;

/** Whether the claimer may have jobs of this route. */
export function routeMatches(route: JobRoute, claim: RouteScope): boolean {
  if (claim.types !== undefined && !claim.types.includes(route.type)) return false;
  if (claim.repositories !== undefined) {
    if (route.repository === null || !claim.repositories.includes(route.repository)) return false;
  }
  return route.capabilities.every((capability) => claim.capabilities.includes(capability));
}

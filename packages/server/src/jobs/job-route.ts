import type { JobRecord, WorkerPolicy } from '@proofhouse/core';
import { sha256Hex } from '../kernel/secret.ts';

/**
 * The properties of a job that decide which workers may claim it. Each distinct route is one row, and ready jobs are indexed
 * by it, so that a claim reads no jobs that the worker may not have.
 */
export interface JobRoute {
  readonly id: string;
  readonly type: string;
  readonly repository: string | null;
  /** Lower case, sorted. */
  readonly capabilities: readonly string[];
}

/** The id is a hash of the content, so every server computes the same id without a query. */
export function routeOf(job: Pick<JobRecord, 'type' | 'repository' | 'requiredCapabilities'>): JobRoute {
  const { type, repository } = job;
  const capabilities = job.requiredCapabilities.toSorted();
  const id = sha256Hex(JSON.stringify([type, repository, capabilities])).slice(0, 24);
  return { id, type, repository, capabilities };
}

/** What a claimer may have: a list that is absent does not narrow. */
export interface ClaimScope {
  readonly types: readonly string[] | undefined;
  readonly repositories: WorkerPolicy['allowedRepositories'];
  /** Lower case. */
  readonly capabilities: readonly string[];
}

/** Whether the claimer may have jobs of this route. */
export function routeMatches(route: JobRoute, claim: ClaimScope): boolean {
  if (claim.types !== undefined && !claim.types.includes(route.type)) return false;
  if (claim.repositories !== undefined) {
    if (route.repository === null || !claim.repositories.includes(route.repository)) return false;
  }
  return route.capabilities.every((capability) => claim.capabilities.includes(capability));
}

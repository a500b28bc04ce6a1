import type { JobRecord, WorkerPolicy } from '@proofhouse/core';
import { sha256Hex } from '../kernel/secret.ts';

/**
 * The properties of a job that decide which workers may claim the job. Each distinct route is one row in the database.
 * Claimable jobs are indexed by route, so a claim reads only jobs that its worker is allowed and able to run.
 */
export interface JobRoute {
  readonly id: string;
  readonly type: string;
  readonly repository: string | null;
  /** The required capabilities, in lower case and sorted. */
  readonly capabilities: readonly string[];
}

/**
 * Routes that were computed before, by their content. The route of each job is needed twice, and many jobs have the
 * same route.
 */
const computed = new Map<string, JobRoute>();
/** Largest number of routes in `computed`. When it is reached, the map is cleared. */
const maxComputed = 200;

/**
 * Returns the route of a job. The id of the route is a hash of its content, so every server computes the same id
 * without a query.
 */
export function routeOf(job: Pick<JobRecord, 'type' | 'repository' | 'requiredCapabilities'>): JobRoute {
  const { type, repository } = job;
  const capabilities = job.requiredCapabilities.toSorted();
  const content = JSON.stringify([type, repository, capabilities]);
  const known = computed.get(content);
  if (known !== undefined) return known;
  const route = { id: sha256Hex(content).slice(0, 24), type, repository, capabilities };
  if (computed.size === maxComputed) computed.clear();
  computed.set(content, route);
  return route;
}

/**
 * The scope of a claim: the jobs that its caller is allowed and able to run. If a list is absent, it excludes no job.
 */
export interface ClaimScope {
  readonly types: readonly string[] | undefined;
  readonly repositories: WorkerPolicy['allowedRepositories'];
  /** The capabilities of the worker, in lower case. */
  readonly capabilities: readonly string[];
}

/** Returns true if the scope of the claim includes jobs of this route. */
export function routeMatches(route: JobRoute, claim: ClaimScope): boolean {
  if (claim.types !== undefined && !claim.types.includes(route.type)) return false;
  if (claim.repositories !== undefined) {
    if (route.repository === null || !claim.repositories.includes(route.repository)) return false;
  }
  return route.capabilities.every((capability) => claim.capabilities.includes(capability));
}

import { AppError, type Fence, type Principal } from '@proofhouse/core';
import type { ClaimScope } from './job-route.ts';

/** The worker for which a call is made, and the lease that the worker holds. */
export type Holder = Fence;

/**
 * Returns the id of the worker for which a call is made. A worker's credential determines it; if the request names
 * another worker (`named`), throws `worker_not_authorized` before any query. The credential of the admin belongs to no
 * worker, so a request of the admin must name one.
 */
export function holderOf(principal: Principal, named: string | null | undefined): string {
  if (principal.kind === 'worker') {
    if (named == null || named === principal.workerId) return principal.workerId;
    throw new AppError('worker_not_authorized', 'The credential belongs to another worker than the request names.');
  }
  if (principal.kind === 'admin' && named != null) return named;
  throw new AppError('invalid_request', 'workerId: name the worker that this call is made for.', {
    errors: [{ path: 'workerId', message: 'is required when the caller is not a worker' }],
  });
}

/**
 * Throws `worker_not_authorized` when a worker creates a job that it could not claim: its credential does not allow the
 * type or the repository.
 */
export function requireMayCreate(
  principal: Principal,
  job: { readonly type: string; readonly repository: string | null },
): void {
  if (principal.kind !== 'worker') return;
  const { allowedJobTypes, allowedRepositories } = principal.policy;
  if (allowedJobTypes !== undefined && !allowedJobTypes.includes(job.type)) {
    throw new AppError('worker_not_authorized', `The credential does not allow jobs of the type ${job.type}.`);
  }
  if (allowedRepositories === undefined) return;
  if (job.repository !== null && allowedRepositories.includes(job.repository)) return;
  throw new AppError(
    'worker_not_authorized',
    'The credential allows only jobs whose payload.repository is in its list.',
  );
}

/**
 * Returns the scope of a claim, that is, the jobs that the claim may return. It is the intersection of the request and
 * the policy of the credential. Throws `worker_not_authorized` if no job type remains. If the credential has
 * capabilities, they replace those of the request.
 */
export function claimScope(
  principal: Principal,
  call: {
    readonly allowedTypes?: readonly string[] | null | undefined;
    readonly workerCapabilities?: readonly string[] | null | undefined;
  },
): ClaimScope {
  const policy = principal.kind === 'worker' ? principal.policy : {};
  const asked = call.allowedTypes ?? undefined;
  const types = intersection(asked, policy.allowedJobTypes);
  if (asked !== undefined && asked.length > 0 && types?.length === 0) {
    throw new AppError('worker_not_authorized', 'The credential allows none of the job types asked for.');
  }
  const capabilities = policy.capabilities ?? call.workerCapabilities ?? [];
  return {
    types,
    repositories: policy.allowedRepositories,
    capabilities: capabilities.map((name) => name.trim().toLowerCase()),
  };
}

function intersection(
  asked: readonly string[] | undefined,
  allowed: readonly string[] | undefined,
): readonly string[] | undefined {
  if (asked === undefined || asked.length === 0) return allowed;
  return allowed === undefined ? asked : asked.filter((type) => allowed.includes(type));
}

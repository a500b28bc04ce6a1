import { AppError, type Fence, type Principal } from '@proofhouse/core';
import type { ClaimScope } from './job-route.ts';

/** The worker that a call is made for, and its lease. */
export type Holder = Fence;

/**
 * The worker that a worker call is made for: the worker of the credential. Naming another worker is refused with
 * `worker_not_authorized`, before any query; the admin has no worker and must name one.
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
 * A worker may create only jobs of types and repositories that its credential allows to claim.
 * Errors: `worker_not_authorized`.
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
 * The jobs that a claimer may have: the request restricted by the credential. Types are intersected, and an empty
 * intersection is refused with `worker_not_authorized`; capabilities of the credential replace those of the request.
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

/** Rights and limits of a worker credential. If a list is absent, it sets no limit. */
export interface WorkerPolicy {
  readonly allowedJobTypes?: readonly string[];
  readonly allowedRepositories?: readonly string[];
  /** If present, these capabilities replace those that the worker sends with its claims. */
  readonly capabilities?: readonly string[];
  /**
   * True if the credential may create jobs, limited to `allowedJobTypes` and `allowedRepositories`, and read the jobs
   * that its worker created.
   */
  readonly canEnqueue?: boolean;
  /** True if the credential may read the metrics and nothing else. It then has no rights of a worker. */
  readonly readMetrics?: boolean;
}

/**
 * The membership of a worker with a registration token, as it is at the time of the call. `groupIds` are the groups of
 * the experiment that contain the worker, directly or through other groups.
 */
export interface Membership {
  readonly experimentId: string;
  readonly groupIds: readonly string[];
  /** True if the worker is in the group `admins`. The worker then has the rights of the admin in this experiment. */
  readonly isAdmin: boolean;
}

/** The identity of a caller. It depends only on the credential. No body field and no other header changes it. */
export type Principal =
  | { readonly kind: 'admin' }
  | { readonly kind: 'operator'; readonly userId: string }
  | { readonly kind: 'read-only'; readonly userId: string }
  | {
      readonly kind: 'worker';
      readonly workerId: string;
      readonly policy: WorkerPolicy;
      /** Present only for registration tokens, and only in operations whose access rule uses it. */
      readonly membership?: Membership | undefined;
    };

/** Returns the name of a principal as records store it, for example as their creator or as the reviewer. */
export function actorOf(principal: Principal): string {
  switch (principal.kind) {
    case 'admin':
      return 'admin';
    case 'worker':
      return principal.workerId;
    case 'operator':
    case 'read-only':
      return principal.userId;
  }
}

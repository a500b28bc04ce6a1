/** Rights and limits of a worker credential. An absent list means that there is no limit. */
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
 * The membership of a worker with a registration token, at the time of the call. `groupIds` are the groups of the
 * experiment that contain the worker, directly or through other groups.
 */
export interface Membership {
  readonly experimentId: string;
  readonly groupIds: readonly string[];
  /** True if the worker is in the group `admins`. The worker then has the rights of the admin in this experiment. */
  readonly isAdmin: boolean;
}

/** The identity of a caller. It is derived from the credential alone, and no body field or other header changes it. */
export type Principal =
  | { readonly kind: 'admin' }
  | { readonly kind: 'operator'; readonly userId: string }
  | { readonly kind: 'read-only'; readonly userId: string }
  | {
      readonly kind: 'worker';
      readonly workerId: string;
      readonly policy: WorkerPolicy;
      /**
       * Absent if the worker uses a token other than a registration token. Also absent in operations whose access rule
       * does not use the membership.
       */
      readonly membership?: Membership | undefined;
    };

/** Returns the name of a principal that records store as their creator or as the maker of a decision. */
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

/** Rights and limits of a worker credential. Absent lists mean no limit. */
export interface WorkerPolicy {
  readonly allowedJobTypes?: readonly string[];
  readonly allowedRepositories?: readonly string[];
  /** If present, replaces the capabilities that the worker sends with its claims. */
  readonly capabilities?: readonly string[];
  /** May create jobs of the types and repositories above, and read the jobs that its worker made. */
  readonly canEnqueue?: boolean;
  /** May read the metrics and nothing else. Such a credential has no rights of a worker. */
  readonly readMetrics?: boolean;
}

/**
 * The membership that a registration credential adds: its experiment, and every group there that contains the worker,
 * directly or through other groups, at the time of the call.
 */
export interface Membership {
  readonly experimentId: string;
  readonly groupIds: readonly string[];
  /** True if the worker is in the group `admins`: it then has the admin's rights in this experiment. */
  readonly isAdmin: boolean;
}

/** The caller. Derived from the credential alone; no body field or header changes it. */
export type Principal =
  | { readonly kind: 'admin' }
  | { readonly kind: 'operator'; readonly userId: string }
  | { readonly kind: 'read-only'; readonly userId: string }
  | {
      readonly kind: 'worker';
      readonly workerId: string;
      readonly policy: WorkerPolicy;
      /** Absent for a queue token, and where no rule needs it. */
      readonly membership?: Membership | undefined;
    };

/** Returns the name that records store for the principal that made or decided them. */
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

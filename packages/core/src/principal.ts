/** What a worker credential allows beyond being that worker. Absent lists allow everything. */
export interface WorkerPolicy {
  readonly allowedJobTypes?: readonly string[];
  readonly allowedRepositories?: readonly string[];
  /** When present it replaces the capabilities that the worker's claim declares. */
  readonly capabilities?: readonly string[];
  /** May create jobs of the types and repositories above, and read the jobs that its worker made. */
  readonly canEnqueue?: boolean;
  /** May read the metrics and nothing else: it is no worker's token in any other respect. */
  readonly readMetrics?: boolean;
}

/**
 * What the registration credential of a worker adds: the experiment it was registered in, and every group there that
 * holds the worker, directly or through other groups, at the moment of the call.
 */
export interface Membership {
  readonly experimentId: string;
  readonly groupIds: readonly string[];
  /** In the group `admins`: may do in this experiment what the admin may. */
  readonly isAdmin: boolean;
}

/** Who is calling. Made from the credential alone: no body field or header changes it. */
export type Principal =
  | { readonly kind: 'admin' }
  | { readonly kind: 'operator'; readonly userId: string }
  | { readonly kind: 'read-only'; readonly userId: string }
  | {
      readonly kind: 'worker';
      readonly workerId: string;
      readonly policy: WorkerPolicy;
      /** Absent with a plain queue token, and where no rule asks for it. */
      readonly membership?: Membership | undefined;
    };

/** The name that records keep of who made or decided them. */
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

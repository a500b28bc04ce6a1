/** Rights and limits of a worker credential. If a list is absent, it sets no limit. */
export interface WorkerPolicy {
  readonly allowedJobTypes?: readonly string[];
  readonly allowedRepositories?: readonly string[];
  /** The capabilities of the worker. If they are present, those in its claims are ignored. */
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

/** The user for whom a call is made. */
interface UserTraits {
  readonly userId: string;
  /**
   * Present if a broker makes the call for another user. It is the id of the user to whom the token belongs. The token
   * has `mayActFor`, and the header `Proofhouse-Actor` contains `userId`.
   */
  readonly brokerId?: string | undefined;
}

/**
 * The identity of a caller. It depends on the credential, and no body field changes it. Only the header
 * `Proofhouse-Actor` changes it. This header is accepted only from tokens with `mayActFor`, and never gives more
 * rights.
 */
export type Principal =
  | (Partial<UserTraits> & {
      /** If `userId` is missing, the caller has the admin token. Otherwise the caller is a user with the role admin. */
      readonly kind: 'admin';
    })
  | (UserTraits & { readonly kind: 'operator' | 'read-only' })
  | {
      readonly kind: 'worker';
      readonly workerId: string;
      readonly policy: WorkerPolicy;
      /** Present only for registration tokens, and only in operations whose access rule uses it. */
      readonly membership?: Membership | undefined;
    };

/** What a worker credential allows beyond being that worker. Absent lists allow everything. */
export interface WorkerPolicy {
  readonly allowedJobTypes?: readonly string[];
  readonly allowedRepositories?: readonly string[];
  /** When present it replaces the capabilities that the worker's claim declares. */
  readonly capabilities?: readonly string[];
}

/** Who is calling. Made from the credential alone: no body field or header changes it. */
export type Principal =
  | { readonly kind: 'admin' }
  | { readonly kind: 'operator'; readonly userId: string }
  | { readonly kind: 'read-only'; readonly userId: string }
  | { readonly kind: 'worker'; readonly workerId: string; readonly policy: WorkerPolicy };

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

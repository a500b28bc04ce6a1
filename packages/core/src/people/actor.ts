import type { Principal } from '../principal.ts';

const userPrefix = 'user:';

/** The actor of records that no caller created, such as those of an import. */
export const systemActor = 'system';

/** Returns the actor of a user, as records store it. */
export function userActor(userId: string): string {
  return `${userPrefix}${userId}`;
}

/**
 * Returns the actor of a principal. It is the text that records store as their creator or as the maker of a decision:
 * `admin` for the admin token, `user:<id>` for a user, and the id of a worker. Ids of workers contain no colon and are
 * neither `admin` nor `system` (`workerIdSchema`). So two different callers never have the same actor.
 */
export function actorOf(principal: Principal): string {
  if (principal.kind === 'worker') return principal.workerId;
  return principal.userId === undefined ? 'admin' : userActor(principal.userId);
}

/** Returns an actor as answers show it: the id of a user or worker, `admin` or `system`. */
export function actorToJson(actor: string): string {
  return actor.startsWith(userPrefix) ? actor.slice(userPrefix.length) : actor;
}

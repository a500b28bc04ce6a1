import { sql } from 'kysely';
import { statement } from '../engine/statement.ts';
import { first, type Verb } from '../engine/verb.ts';

/**
 * The values that every claim reads before it reads jobs. They show whether a claim must first read new routes, end
 * expired leases or promote due jobs.
 */
export interface DueTimes {
  /** The number of the newest route; 0 if the table has no routes. */
  readonly lastRoute: number;
  /** The earliest expiry time of a lease, epoch ms. */
  readonly leaseAt: number | null;
  /** The earliest end of a delay, epoch ms. */
  readonly delayedAt: number | null;
}

/** One query reads all three values, because every claim needs them. It reads one entry of each of three indexes. */
const dueTimes = statement<object>()((db) => ({
  compile: () =>
    sql<DueTimes>`
      select coalesce((select max(number) from job_routes), 0) as "lastRoute",
        (select min(lease_expires_at) from jobs where status = 'running') as "leaseAt",
        (select min(next_attempt_at) from jobs where status = 'queued' and ready = 0) as "delayedAt"`.compile(db),
}));

export function* readDueTimes(): Verb<DueTimes> {
  return (yield* first(dueTimes, {})) ?? { lastRoute: 0, leaseAt: null, delayedAt: null };
}

export function isDue(at: number | null, now: number): boolean {
  return at !== null && at <= now;
}

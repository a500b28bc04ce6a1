import { sql } from 'kysely';
import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { JobRow } from '../engine/schema.ts';
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

export const noDueTimes: DueTimes = { lastRoute: 0, leaseAt: null, delayedAt: null };

/** The values with which due times are compared: the store's time, and the number of the newest cached route. */
export interface DueCheck extends StoreTime {
  readonly lastRoute: number;
}

/** One query for all three values, because every claim runs it. It reads one entry of each of three indexes. */
export const dueTimesSql = sql<DueTimes>`
  select coalesce((select max(number) from job_routes), 0) as "lastRoute",
    (select min(lease_expires_at) from jobs where status = 'running') as "leaseAt",
    (select min(next_attempt_at) from jobs where status = 'queued' and ready = 0) as "delayedAt"`;

const dueTimes = statement<object>()((db) => ({ compile: () => dueTimesSql.compile(db) }));

export function* readDueTimes(): Verb<DueTimes> {
  return (yield* first(dueTimes, {})) ?? noDueTimes;
}

export function isDue(at: number | null, now: number): boolean {
  return at !== null && at <= now;
}

/**
 * Returns true if a claim can read jobs at once, because there is no uncached route, no expired lease and no ended
 * delay.
 */
export function nothingDue({ lastRoute, leaseAt, delayedAt }: DueTimes, check: DueCheck): boolean {
  return lastRoute <= check.lastRoute && !isDue(leaseAt, check.leasesAt) && !isDue(delayedAt, check.now);
}

export interface DueTimesAndCandidates {
  readonly dueTimes: DueTimes;
  /** The candidates of the claim, locked. Undefined if something was due; then no job is locked. */
  readonly candidates: JobRow[] | undefined;
}

/**
 * Reads the due times with one query and then the candidates with another. Used by engines that run inside the process,
 * where a second query costs no round trip.
 */
export function* dueTimesThenCandidates(
  check: DueCheck,
  readCandidates: () => Verb<JobRow[]>,
): Verb<DueTimesAndCandidates> {
  const found = yield* readDueTimes();
  return { dueTimes: found, candidates: nothingDue(found, check) ? yield* readCandidates() : undefined };
}

import { sql } from 'kysely';
import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { JobRow } from '../engine/schema.ts';
import { statement } from '../engine/statement.ts';
import { first, type Verb } from '../engine/verb.ts';

/** What every claim reads before it reads jobs: whether routes are new, leases have expired or delays have ended. */
export interface DueTimes {
  /** The number of the newest route; 0 when there is none. */
  readonly lastRoute: number;
  /** The earliest expiry of a lease, epoch ms. */
  readonly leaseAt: number | null;
  /** The earliest end of a delay, epoch ms. */
  readonly delayedAt: number | null;
}

export const noDueTimes: DueTimes = { lastRoute: 0, leaseAt: null, delayedAt: null };

/** What due times are compared with: the time, and the number up to which routes are cached. */
export interface DueCheck extends StoreTime {
  readonly lastRoute: number;
}

/** One query, since every claim runs it: it reads one entry each of three indexes. */
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

/** Whether a claim can read jobs at once: no new route, no expired lease, no ended delay. */
export function nothingDue({ lastRoute, leaseAt, delayedAt }: DueTimes, check: DueCheck): boolean {
  return lastRoute <= check.lastRoute && !isDue(leaseAt, check.leasesAt) && !isDue(delayedAt, check.now);
}

export interface DueTimesAndCandidates {
  readonly dueTimes: DueTimes;
  /** Undefined: something was due, and no job is locked. */
  readonly candidates: JobRow[] | undefined;
}

/** Reads due times, then candidates, for engines without round trips. */
export function* dueTimesThenCandidates(
  check: DueCheck,
  readCandidates: () => Verb<JobRow[]>,
): Verb<DueTimesAndCandidates> {
  const found = yield* readDueTimes();
  return { dueTimes: found, candidates: nothingDue(found, check) ? yield* readCandidates() : undefined };
}

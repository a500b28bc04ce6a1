import { sql } from 'kysely';
import type { StoreTime } from '../../../kernel/time/store-time.ts';
import type { JobRow } from '../engine/schema.ts';
import { statement } from '../engine/statement.ts';
import { first, type Verb } from '../engine/verb.ts';

/** What a claim must know of the queue before it looks at jobs. */
export interface QueueOutlook {
  /** The number of the newest route; 0 when there is none. */
  readonly lastRoute: number;
  /** When the first lease ends. */
  readonly leaseAt: number | null;
  /** When the first delay ends. */
  readonly delayedAt: number | null;
}

export const emptyOutlook: QueueOutlook = { lastRoute: 0, leaseAt: null, delayedAt: null };

/** What a claimer knows already: routes up to a number, and the time. */
export interface Foreseen extends StoreTime {
  readonly lastRoute: number;
}

/** All in one question, since every claim asks it: the ends of three indexes. */
export const outlookSql = sql<QueueOutlook>`
  select coalesce((select max(number) from job_routes), 0) as "lastRoute",
    (select min(lease_expires_at) from jobs where status = 'running') as "leaseAt",
    (select min(next_attempt_at) from jobs where status = 'queued' and ready = 0) as "delayedAt"`;

const outlook = statement<object>()((db) => ({ compile: () => outlookSql.compile(db) }));

export function* lookAhead(): Verb<QueueOutlook> {
  return (yield* first(outlook, {})) ?? emptyOutlook;
}

export function isDue(at: number | null, now: number): boolean {
  return at !== null && at <= now;
}

/** Whether a claimer has nothing to learn, to end or to make ready before it looks at jobs. */
export function isForeseen({ lastRoute, leaseAt, delayedAt }: QueueOutlook, known: Foreseen): boolean {
  return lastRoute <= known.lastRoute && !isDue(leaseAt, known.leasesAt) && !isDue(delayedAt, known.now);
}

export interface OutlookAndHeads {
  readonly outlook: QueueOutlook;
  /** Undefined: something was not foreseen, and nothing is locked. */
  readonly heads: JobRow[] | undefined;
}

/** One after the other, for those to whom that is as good as at once. */
export function* outlookThenHeads(known: Foreseen, readHeads: () => Verb<JobRow[]>): Verb<OutlookAndHeads> {
  const outlook = yield* lookAhead();
  return { outlook, heads: isForeseen(outlook, known) ? yield* readHeads() : undefined };
}

import { sql } from 'kysely';
import { statement } from './statement.ts';
import { ahead, first, type Verb } from './verb.ts';

/** What a claim must know of the queue before it looks at jobs. */
export interface QueueOutlook {
  /** The number of the newest route; 0 when there is none. */
  readonly lastRoute: number;
  /** When the first lease ends. */
  readonly leaseAt: number | null;
  /** When the first delay ends. */
  readonly delayedAt: number | null;
}

/** All in one question, since every claim asks it: the ends of three indexes. */
const outlook = statement<object>()((db) => ({
  compile: () =>
    sql<QueueOutlook>`
      select coalesce((select max(number) from job_routes), 0) as "lastRoute",
        (select min(lease_expires_at) from jobs where status = 'running') as "leaseAt",
        (select min(next_attempt_at) from jobs where status = 'queued' and ready = 0) as "delayedAt"`.compile(db),
}));

export function* lookAhead(): Verb<QueueOutlook> {
  return (yield* first(outlook, {})) ?? nothingThere;
}

/** The same in one trip with the next step: to be called once that is answered. */
export function* lookAheadWithNext(): Verb<() => QueueOutlook> {
  const answer = yield* ahead(outlook, {});
  return () => answer() ?? nothingThere;
}

const nothingThere: QueueOutlook = { lastRoute: 0, leaseAt: null, delayedAt: null };

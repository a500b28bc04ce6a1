import { sql } from 'kysely';
import { statement } from './statement.ts';
import { rows, type Verb } from './verb.ts';

/** What a claim must know of the queue before it looks at jobs. */
export interface QueueOutlook {
  /** Routes that have ready jobs. */
  readonly routeIds: readonly string[];
  /** When the first lease ends. */
  readonly leaseAt: number | null;
  /** When the first delay ends. */
  readonly delayedAt: number | null;
}

interface OutlookRow {
  readonly what: 'route' | 'lease' | 'delay';
  readonly id: string | null;
  readonly at: number | null;
}

/**
 * All in one question, since every claim asks it. It goes from each route id to the next one, so it reads
 * one index entry for each route, however many jobs are ready; and one for the first lease and delay.
 */
const outlook = statement<object>()((db) => ({
  compile: () =>
    sql<OutlookRow>`
      with recursive ready_routes(id) as (
        select min(route_id) from jobs where ready = 1
        union all
        select (select min(route_id) from jobs where ready = 1 and route_id > ready_routes.id)
        from ready_routes where ready_routes.id is not null
      )
      select 'route' as what, id, cast(null as bigint) as at from ready_routes where id is not null
      union all
      select 'lease', null, (select min(lease_expires_at) from jobs where status = 'running')
      union all
      select 'delay', null, (select min(next_attempt_at) from jobs where status = 'queued' and ready = 0)`.compile(db),
}));

export function* lookAhead(): Verb<QueueOutlook> {
  const found = yield* rows(outlook, {});
  return {
    routeIds: found.flatMap(({ id }) => id ?? []),
    leaseAt: found.find(({ what }) => what === 'lease')?.at ?? null,
    delayedAt: found.find(({ what }) => what === 'delay')?.at ?? null,
  };
}

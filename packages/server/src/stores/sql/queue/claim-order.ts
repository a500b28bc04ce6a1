import type { SelectQueryBuilder } from 'kysely';
import type { Database, JobRow } from '../engine/schema.ts';

type ClaimPlace = Pick<JobRow, 'priority' | 'created_at' | 'id'>;

/** The order of claiming, as the claim index has it: priority desc, createdAt, id. */
export function claimedBefore(a: ClaimPlace, b: ClaimPlace): number {
  return b.priority - a.priority || a.created_at - b.created_at || (a.id < b.id ? -1 : 1);
}

/** The jobs of a query in the same order. */
export function inClaimOrder<Row>(
  jobs: SelectQueryBuilder<Database, 'jobs', Row>,
): SelectQueryBuilder<Database, 'jobs', Row> {
  return jobs.orderBy('priority', 'desc').orderBy('created_at').orderBy('id');
}

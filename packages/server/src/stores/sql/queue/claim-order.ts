import type { SelectQueryBuilder } from 'kysely';
import type { Database, JobRow } from '../engine/schema.ts';

type ClaimPlace = Pick<JobRow, 'priority' | 'created_at' | 'id'>;

/**
 * Compares two jobs by claim order: priority (highest first), then createdAt, then id. The index `jobs_ready` has the
 * same order.
 */
export function claimedBefore(a: ClaimPlace, b: ClaimPlace): number {
  return b.priority - a.priority || a.created_at - b.created_at || (a.id < b.id ? -1 : 1);
}

/** Sorts the rows of a query on `jobs` by claim order. */
export function inClaimOrder<Row>(
  jobs: SelectQueryBuilder<Database, 'jobs', Row>,
): SelectQueryBuilder<Database, 'jobs', Row> {
  return jobs.orderBy('priority', 'desc').orderBy('created_at').orderBy('id');
}

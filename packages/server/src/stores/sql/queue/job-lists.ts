import { jobCategories, jobStatuses, type JobCategory, type JobRecord, type JobStatus } from '@proofhouse/core';
import { sql, type SelectQueryBuilder } from 'kysely';
import type { JobFilter } from '../../../jobs/job-store.ts';
import type { Page, PageRequest } from '../../../kernel/page.ts';
import { jobFromRow } from './job-row.ts';
import { newestFirst, readPage, type PageParams, type Place } from '../engine/paging.ts';
import type { Database, Queries } from '../engine/schema.ts';
import type { Placeholders } from '../engine/placeholder.ts';
import { statementsBy } from '../engine/statement.ts';
import type { Verb } from '../engine/verb.ts';

/** Says which index a list query reads, and by which of its first columns the query filters. */
type Shape = 'all' | 'held' | 'own' | 'category' | 'type' | 'category-status' | 'type-status' | 'status';

interface ListParams extends PageParams {
  readonly status: JobStatus;
  readonly type: string;
  readonly category: JobCategory;
  readonly heldBy: string;
  readonly ownOf: string;
}

const listJobs = statementsBy((key: `${Shape}:${Place}`, db, p: Placeholders<ListParams>) => {
  const [shape, place] = key.split(':') as [Shape, Place];
  const branches = branchesOf(db, shape, p).map((branch) => newestFirst(branch, place, p).limit(p.limit));
  const [only] = branches;
  return only !== undefined && branches.length === 1 ? only.selectAll() : merged(db, shape, branches, p);
});

type Jobs = SelectQueryBuilder<Database, 'jobs', object>;

/**
 * Merges the branches by (created_at, id). A branch is a query of one range of an index. The full rows are read only
 * for the jobs of the page.
 */
function merged(db: Queries, shape: Shape, branches: readonly Jobs[], p: Placeholders<ListParams>) {
  const heads = branches
    .map((branch) => db.selectFrom(branch.select(['id', 'created_at']).as('branch')).selectAll())
    // A job that a worker created and also holds is in both branches. `union` removes the duplicate.
    .reduce((all, branch) => (shape === 'own' ? all.union(branch) : all.unionAll(branch)));
  const page = db
    .selectFrom(heads.as('heads'))
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(p.limit);
  return db
    .selectFrom(page.as('page'))
    .innerJoin('jobs', 'jobs.id', 'page.id')
    .selectAll('jobs')
    .orderBy('page.created_at', 'desc')
    .orderBy('page.id', 'desc');
}

/**
 * Returns the branches of a list query: one query for each range of an index. The indexes begin with (category, status)
 * or (type, status). So a list by category or type alone has one branch for each of the six statuses. A list by status
 * alone has one branch for each category.
 */
function branchesOf(db: Queries, shape: Shape, p: Placeholders<ListParams>): Jobs[] {
  const jobs: Jobs = db.selectFrom('jobs');
  switch (shape) {
    case 'all':
      return [jobs];
    case 'held':
      return [jobs.where('status', '=', sql.lit('running')).where('claimed_by', '=', p.heldBy)];
    case 'own': {
      const held = jobs.where('status', '=', sql.lit('running')).where('claimed_by', '=', p.ownOf);
      // The index on `created_by` omits the jobs that the admin created. A query can use it only with the same
      // condition.
      const made = jobs.where('created_by', '=', p.ownOf).where('created_by', '<>', sql.lit('admin'));
      return [held, made];
    }
    case 'category':
      return jobStatuses.map((status) => jobs.where('category', '=', p.category).where('status', '=', sql.lit(status)));
    case 'type':
      return jobStatuses.map((status) => jobs.where('type', '=', p.type).where('status', '=', sql.lit(status)));
    case 'category-status':
      return [jobs.where('category', '=', p.category).where('status', '=', p.status)];
    case 'type-status':
      return [jobs.where('type', '=', p.type).where('status', '=', p.status)];
    case 'status':
      return jobCategories.map((category) =>
        jobs.where('category', '=', sql.lit(category)).where('status', '=', p.status),
      );
  }
}

export function* listOfJobs(filter: JobFilter, page: PageRequest): Verb<Page<JobRecord>> {
  if (isImpossible(filter)) return { items: [], next: undefined };
  const shape = shapeOf(filter);
  const { items, next } = yield* readPage((place) => listJobs(`${shape}:${place}`), filter as ListParams, page);
  return { items: items.map(jobFromRow).filter((job) => matches(job, filter)), next };
}

function shapeOf(filter: JobFilter): Shape {
  if (filter.heldBy !== undefined) return 'held';
  if (filter.ownOf !== undefined) return 'own';
  if (filter.type !== undefined) return filter.status === undefined ? 'type' : 'type-status';
  if (filter.category !== undefined) return filter.status === undefined ? 'category' : 'category-status';
  return filter.status === undefined ? 'all' : 'status';
}

function isImpossible({ heldBy, status }: JobFilter): boolean {
  return heldBy !== undefined && status !== undefined && status !== 'running';
}

/**
 * Returns true if a job in a worker's list matches the filter. These conditions are not in the SQL of that list,
 * because a worker holds or created few jobs. A page may therefore have fewer than `limit` jobs.
 */
function matches(job: JobRecord, { type, category, status }: JobFilter): boolean {
  if (status !== undefined && job.status !== status) return false;
  return (type === undefined || job.type === type) && (category === undefined || job.category === category);
}

import type { JobDecision, JobEventDraft } from '@proofhouse/core';
import { sql } from 'kysely';
import { eventToRow, jobState } from './job-row.ts';
import type { JobEventRow, JobRow, JobState, Queries } from '../engine/schema.ts';
import type { JobUpdate, JobUpdates, QueueDialect } from './queue-dialect.ts';
import { placeholdersOf, type Placeholders } from '../engine/placeholder.ts';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { statement, statementsBy } from '../engine/statement.ts';
import { put, type Verb } from '../engine/verb.ts';

/** A decision about a job whose row this transaction has locked. */
export interface JobChange {
  readonly row: JobRow;
  readonly decision: JobDecision & { outcome: 'changed' };
  readonly now: number;
}

export const eventColumns = ['job_id', 'seq', 'kind', 'level', 'message', 'payload', 'created_at'] as const;

const insertEvent = statement<JobEventRow>()((db, p) =>
  db.insertInto('job_events').values(placeholdersOf(p, eventColumns)),
);

/**
 * Returns an update that sets only the given columns. The database then skips each index that contains none of these
 * columns.
 */
export function updateOf(db: Pick<Queries, 'updateTable'>, columns: string, p: Placeholders<JobUpdate>) {
  return db
    .updateTable('jobs')
    .set(placeholdersOf(p, columns.split(',') as (keyof JobState)[]))
    .where('id', '=', p.id);
}

const updateJob = statementsBy((columns: string, db, p: Placeholders<JobUpdate>) => updateOf(db, columns, p));

/**
 * Writes decisions about jobs, with the events of each decision. If there are several decisions about one job, only the
 * state after the last one is written.
 */
export function* writeChanges(dialect: QueueDialect, changes: readonly JobChange[]): Verb<void> {
  const last = new Map(changes.map((change) => [change.row.id, change]));
  const updates = new Map<string, JobUpdate[]>();
  for (const { row, decision, now } of last.values()) {
    const next = jobState(decision.job, now);
    const columns = (Object.keys(next) as (keyof JobState)[]).filter((column) => next[column] !== row[column]).join();
    if (columns !== '') updates.set(columns, [...(updates.get(columns) ?? []), { ...next, id: row.id }]);
  }
  const events = changes.flatMap(({ row, decision, now }) =>
    numbered(row.id, decision.job.lastSeq - decision.events.length, decision.events, now),
  );
  yield* dialect.writeJobs(updates, events);
}

/** Inserts events of a job. Their sequence numbers start at `lastSeq + 1`. */
export function* insertEvents(
  dialect: QueueDialect,
  jobId: string,
  lastSeq: number,
  events: readonly JobEventDraft[],
  now: number,
): Verb<void> {
  yield* dialect.insertEvents(numbered(jobId, lastSeq, events, now));
}

function numbered(jobId: string, lastSeq: number, events: readonly JobEventDraft[], now: number): JobEventRow[] {
  return events.map((event, index) => eventToRow(jobId, lastSeq + 1 + index, event, now));
}

/** Writes each row with its own statement. This is the cheapest way if the database runs in this process. */
export function* writeOneByOne(updates: JobUpdates, events: readonly JobEventRow[]): Verb<void> {
  for (const [columns, jobs] of updates) yield* updateOneByOne(columns, jobs);
  yield* insertOneByOne(events);
}

export function* updateOneByOne(columns: string, jobs: readonly JobUpdate[]): Verb<void> {
  for (const job of jobs) yield* put(updateJob(columns), job);
}

export function* insertOneByOne(events: readonly JobEventRow[]): Verb<void> {
  for (const event of events) yield* put(insertEvent, event);
}

/**
 * `check`: the insert must check that the route of the job is open, and must lock the row of the route. `checked`: an
 * earlier insert of this transaction has already done so.
 */
type RouteCheck = 'check' | 'checked';

/** The columns that are null until a worker claims the job or somebody cancels it. The insert omits them. */
type EmptyColumn =
  | ('claimed_by' | 'lease_id' | 'lease_expires_at' | 'started_at' | 'attempt_started_at' | 'finished_at' | 'ended_by')
  | ('result_summary' | 'error_message' | 'finish' | 'cancel_requested_at' | 'cancel_requested_by' | 'cancel_reason');

type NewJobColumn = Exclude<keyof JobRow, EmptyColumn>;

/** The columns that the insert of a new job sets, with their types. */
export const newJobColumns: Readonly<Record<NewJobColumn, 'text' | 'bigint'>> = {
  id: 'text',
  type: 'text',
  category: 'text',
  status: 'text',
  ready: 'bigint',
  route_id: 'text',
  priority: 'bigint',
  payload: 'text',
  required_capabilities: 'text',
  repository: 'text',
  affinity_key: 'text',
  created_by: 'text',
  task_id: 'text',
  bundle_id: 'text',
  parent_job_id: 'text',
  manifest_name: 'text',
  next_attempt_at: 'bigint',
  attempt: 'bigint',
  max_attempts: 'bigint',
  findings: 'text',
  last_seq: 'bigint',
  version: 'bigint',
  created_at: 'bigint',
  updated_at: 'bigint',
};

const inserted = Object.keys(newJobColumns) as NewJobColumn[];

/** Those columns of the first event that have the same value for every job. */
const queuedEvent = {
  seq: sql.lit(1),
  kind: sql.lit('queued' as const),
  level: sql.lit('info' as const),
  message: sql.lit('Queued.'),
};

/**
 * Returns an insert of a job. With `check`, a subquery reads and locks the row of the job's route. It returns null if the
 * route is idle or has no row, and the insert then fails (`QueueDialect.isClosedRoute`). The lock prevents other
 * transactions from marking or deleting the route before this transaction ends.
 */
function jobInsertOf(db: Pick<Queries, 'insertInto'>, check: RouteCheck, p: Placeholders<JobRow>, syntax: SqlSyntax) {
  const values = placeholdersOf(p, inserted);
  if (check === 'checked') return db.insertInto('jobs').values(values);
  const openRoute = syntax.queries
    .selectFrom('job_routes')
    .select('id')
    .where('id', '=', p.route_id)
    .where('idle_since', 'is', null);
  return db.insertInto('jobs').values({ ...values, route_id: syntax.shared(openRoute) });
}

function queuedEventInsertOf(
  db: Pick<Queries, 'insertInto'>,
  { id, created_at }: Pick<Placeholders<JobRow>, 'id' | 'created_at'>,
) {
  return db.insertInto('job_events').values({ ...queuedEvent, job_id: id, created_at });
}

const insertJob = statementsBy((check: RouteCheck, db, p: Placeholders<JobRow>, syntax) =>
  jobInsertOf(db, check, p, syntax),
);

const insertQueuedEvent = statement<Pick<JobRow, 'id' | 'created_at'>>()((db, p) => queuedEventInsertOf(db, p));

/** Inserts one job and its first event. SQLite cannot run this statement, because it has two inserts. */
export const insertJobWithEvent = statement<JobRow>()((db, p, syntax) =>
  queuedEventInsertOf(
    db.with('written', (also) => jobInsertOf(also, 'check', p, syntax)),
    p,
  ),
);

/** Inserts jobs and their first events with one statement for each row. */
export function* insertJobsOneByOne(jobs: readonly JobRow[]): Verb<void> {
  const checked = new Set<string>();
  for (const job of jobs) {
    yield* put(insertJob(checked.has(job.route_id) ? 'checked' : 'check'), job);
    yield* put(insertQueuedEvent, job);
    checked.add(job.route_id);
  }
}

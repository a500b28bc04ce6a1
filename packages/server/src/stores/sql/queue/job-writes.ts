import type { JobDecision, JobEventDraft } from '@proofhouse/core';
import { eventToRow, jobState } from './job-row.ts';
import type { JobEventRow, JobRow, JobState, Queries } from '../engine/schema.ts';
import type { JobUpdate, JobUpdates, QueueDialect } from './queue-dialect.ts';
import { placeholdersOf, type Placeholders } from '../engine/placeholder.ts';
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

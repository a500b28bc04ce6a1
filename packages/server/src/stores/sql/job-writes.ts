import type { JobDecision, JobEventDraft } from '@proofhouse/core';
import { eventToRow, jobState } from './job-row.ts';
import type { JobEventRow, JobRow, JobState } from './schema.ts';
import { placeholdersOf, statement, statementsBy } from './statement.ts';
import { put, type Verb } from './verb.ts';

const eventColumns = ['job_id', 'seq', 'kind', 'level', 'message', 'payload', 'created_at'] as const;

const insertEvent = statement<JobEventRow>()((db, p) =>
  db.insertInto('job_events').values(placeholdersOf(p, eventColumns)),
);

/** Sets just these columns: an index none of whose columns is set need not be touched. */
const updateJob = statementsBy((columns: string, db, p: JobState & { id: string }) =>
  db
    .updateTable('jobs')
    .set(placeholdersOf(p, columns.split(',') as (keyof JobState)[]))
    .where('id', '=', p.id),
);

/** Writes what was decided about a row that this verb holds, with its events numbered onwards. */
export function* writeDecision(row: JobRow, decision: JobDecision & { outcome: 'changed' }, now: number): Verb<void> {
  const { job, events } = decision;
  const next = jobState(job, now);
  const columns = (Object.keys(next) as (keyof JobState)[]).filter((column) => next[column] !== row[column]);
  if (columns.length > 0) yield* put(updateJob(columns.join(',')), { ...next, id: row.id });
  yield* insertEvents(row.id, row.last_seq, events, now);
}

/** Numbers the events from `lastSeq` onwards. */
export function* insertEvents(
  jobId: string,
  lastSeq: number,
  events: readonly JobEventDraft[],
  now: number,
): Verb<void> {
  for (const [index, event] of events.entries()) {
    yield* put(insertEvent, eventToRow(jobId, lastSeq + 1 + index, event, now));
  }
}

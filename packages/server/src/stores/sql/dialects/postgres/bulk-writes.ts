import { sql } from 'kysely';
import { nameOfKey, takeOneByOne, type KeyParts } from '../../records/idempotency.ts';
import { eventColumns, insertOneByOne, updateOf, updateOneByOne } from '../../queue/job-writes.ts';
import type { JobUpdate, JobUpdates } from '../../queue/queue-dialect.ts';
import type { IdempotencyRow, JobEventRow } from '../../engine/schema.ts';
import { placeholdersOf, type Placeholders } from '../../engine/placeholder.ts';
import { statement, statementsBy } from '../../engine/statement.ts';
import { put, rows, type Verb } from '../../engine/verb.ts';

/** The columns of `JobState` that contain text. All its other columns are integers. */
const texts = new Set(
  (
    'id status claimed_by lease_id result_summary error_message finish findings cancel_requested_by cancel_reason ' +
    'ended_by'
  ).split(' '),
);

interface Many {
  readonly jobs: string;
  readonly events: string;
}

function updateSql(columns: string, p: Placeholders<Pick<Many, 'jobs'>>) {
  const names = columns.split(',');
  const typed = ['id', ...names].map((name) => `${name} ${texts.has(name) ? 'text' : 'bigint'}`);
  return sql`
    update jobs set ${sql.raw(names.map((name) => `${name} = changed.${name}`).join())}
    from json_to_recordset(${p.jobs}::json) as changed(${sql.raw(typed.join())})
    where jobs.id = changed.id`;
}

function insertSql(p: Placeholders<Pick<Many, 'events'>>) {
  return sql`
    insert into job_events (job_id, seq, kind, level, message, payload, created_at)
    select job_id, seq, kind, level, message, payload, created_at from json_to_recordset(${p.events}::json)
      as event(job_id text, seq bigint, kind text, level text, message text, payload text, created_at bigint)`;
}

const updateMany = statementsBy((columns: string, db, p: Placeholders<Pick<Many, 'jobs'>>) => ({
  compile: () => updateSql(columns, p).compile(db),
}));

const insertMany = statement<Pick<Many, 'events'>>()((db, p) => ({ compile: () => insertSql(p).compile(db) }));

const writeMany = statementsBy((columns: string, db, p: Placeholders<Many>) => ({
  compile: () => sql`with written as (${updateSql(columns, p)}) ${insertSql(p)}`.compile(db),
}));

/**
 * Updates one job and inserts one event. Both statements use one list of parameters. This is possible because no column
 * name occurs in both tables: the id of the job is `id` in one and `job_id` in the other.
 */
const writeOne = statementsBy((columns: string, db, p: Placeholders<JobUpdate & JobEventRow>) =>
  db
    .with('written', (also) => updateOf(also, columns, p))
    .insertInto('job_events')
    .values(placeholdersOf<JobEventRow, keyof JobEventRow>(p, eventColumns)),
);

const takeMany = statement<{ list: string; now: number }>()((db, p) => ({
  compile: () =>
    sql<KeyParts>`
      insert into idempotency_keys (principal, operation, key, fingerprint, resource_id, expires_at)
      select principal, operation, key, fingerprint, resource_id, expires_at from json_to_recordset(${p.list}::json)
        as fresh(principal text, operation text, key text, fingerprint text, resource_id text, expires_at bigint)
      on conflict (principal, operation, key) do update set fingerprint = excluded.fingerprint,
        resource_id = excluded.resource_id, expires_at = excluded.expires_at
        where idempotency_keys.expires_at <= ${p.now}
      returning principal, operation, key`.compile(db),
}));

/**
 * Writes all jobs that have the same changed columns with one statement, together with their events. A statement for
 * many rows takes little more network time and planning time than one for a single row.
 */
export function* postgresWriteJobs(updates: JobUpdates, events: readonly JobEventRow[]): Verb<void> {
  const [only] = updates;
  if (only === undefined || updates.size > 1 || events.length === 0) {
    for (const [columns, jobs] of updates) yield* updateJobs(columns, jobs);
    return yield* postgresInsertEvents(events);
  }
  const [columns, jobs] = only;
  const [job, event] = [jobs[0], events[0]];
  if (jobs.length === 1 && events.length === 1 && job !== undefined && event !== undefined) {
    return yield* put(writeOne(columns), { ...job, ...event });
  }
  yield* put(writeMany(columns), { jobs: jobList(columns, jobs), events: eventList(events) });
}

function* updateJobs(columns: string, jobs: readonly JobUpdate[]): Verb<void> {
  if (jobs.length < 2) return yield* updateOneByOne(columns, jobs);
  yield* put(updateMany(columns), { jobs: jobList(columns, jobs) });
}

export function* postgresInsertEvents(events: readonly JobEventRow[]): Verb<void> {
  if (events.length < 2) return yield* insertOneByOne(events);
  yield* put(insertMany, { events: eventList(events) });
}

function jobList(columns: string, jobs: readonly JobUpdate[]): string {
  return recordList(jobs, ['id', ...columns.split(',')]);
}

function eventList(events: readonly JobEventRow[]): string {
  return recordList(events, eventColumns);
}

export function* postgresTakeKeys(keys: readonly IdempotencyRow[], now: number): Verb<string[]> {
  if (keys.length < 2) return yield* takeOneByOne(keys, now);
  return (yield* rows(takeMany, { list: recordList(keys, Object.keys(keys[0] ?? {})), now })).map(nameOfKey);
}

/**
 * Returns the records as JSON. Replaces NUL and lone surrogates in texts, because Postgres cannot store them. A text
 * that is passed as a parameter of its own is changed in the same way.
 */
export function recordList(records: readonly object[], names: readonly string[]): string {
  const storable = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? value.replaceAll('\0', '\uFFFD').toWellFormed() : value;
  return JSON.stringify(
    records.map((record) => pick(record, names)),
    storable,
  );
}

function pick(record: object, names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, (record as Record<string, unknown>)[name]]));
}

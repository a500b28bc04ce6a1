import { sql } from 'kysely';
import type { JobRow } from '../../engine/schema.ts';
import { textList } from '../../engine/sql-syntax.ts';
import { statement } from '../../engine/statement.ts';
import { put, type Verb } from '../../engine/verb.ts';
import { insertJobsOneByOne, insertJobWithEvent, newJobColumns } from '../../queue/job-writes.ts';
import { recordList } from './bulk-writes.ts';

/**
 * Largest number of characters of the payloads that one statement inserts together. Larger payloads are sent one by one,
 * because the list of jobs is one JSON text, in which each payload is escaped.
 */
const maxPayloads = 256 * 1024;

const columns = Object.keys(newJobColumns);
const typed = Object.entries(newJobColumns).map(([name, type]) => `${name} ${type}`);
const values = columns.map((name) =>
  name === 'route_id' ? '(select open.id from open where open.id = fresh.route_id)' : `fresh.${name}`,
);

/**
 * Inserts jobs and their first events. Locks the rows of the routes; `queue/job-writes.ts` explains why. The insert
 * fails if the route of a job is closed, because the subquery for its id then returns null.
 */
const insertMany = statement<{ routes: string; jobs: string }>()((db, p) => ({
  compile: () =>
    sql`
      with open as materialized (
        select id from job_routes
        where id = any(array(select json_array_elements_text(${p.routes}::json))) and idle_since is null
        for key share
      ), written as (
        insert into jobs (${sql.raw(columns.join())}) select ${sql.raw(values.join())}
        from json_to_recordset(${p.jobs}::json) as fresh(${sql.raw(typed.join())})
        returning id, created_at
      )
      insert into job_events (job_id, seq, kind, level, message, created_at)
      select id, 1, 'queued', 'info', 'Queued.', created_at from written`.compile(db),
}));

/**
 * Inserts jobs with their first events by one statement. A statement for many rows costs little more than one for a
 * single row.
 */
export function* postgresInsertJobs(jobs: readonly JobRow[]): Verb<void> {
  const [only] = jobs;
  if (only === undefined) return;
  if (jobs.length === 1) return yield* put(insertJobWithEvent, only);
  if (jobs.reduce((sum, { payload }) => sum + payload.length, 0) > maxPayloads) return yield* insertJobsOneByOne(jobs);
  const routes = new Set(jobs.map((job) => job.route_id));
  yield* put(insertMany, { routes: textList([...routes]), jobs: recordList(jobs, columns) });
}

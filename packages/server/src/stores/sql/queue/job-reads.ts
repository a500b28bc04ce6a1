import { statement } from '../engine/statement.ts';

export const findJob = statement<{ id: string }>()((db, p) => db.selectFrom('jobs').selectAll().where('id', '=', p.id));

/** Returns events in descending order of `seq`. */
export const eventsBefore = statement<{ jobId: string; after: number; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('job_events')
    .selectAll()
    .where('job_id', '=', p.jobId)
    .where('seq', '>', p.after)
    .where('seq', '<', p.before)
    .orderBy('seq', 'desc')
    .limit(p.limit),
);

/** Returns events in ascending order of `seq`. */
export const eventsAfter = statement<{ jobId: string; after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('job_events')
    .selectAll()
    .where('job_id', '=', p.jobId)
    .where('seq', '>', p.after)
    .orderBy('seq')
    .limit(p.limit),
);

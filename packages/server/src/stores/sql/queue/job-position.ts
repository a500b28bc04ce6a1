import type { JobRecord } from '@proofhouse/core';
import { sql } from 'kysely';
import { routeOf } from '../../../jobs/job-route.ts';
import { statement } from '../engine/statement.ts';
import { first, type Verb } from '../engine/verb.ts';

interface Place {
  readonly routeId: string;
  readonly priority: number;
  readonly createdAt: number;
  readonly id: string;
  readonly most: number;
}

/**
 * Counts the claimable jobs of a route that precede a job in claim order. Reads two ranges of the index `jobs_ready`,
 * because the priority is descending and the creation time ascending. Reads at most `most` entries of each range.
 */
const readyBefore = statement<Place>()((db, p) => {
  const ready = db
    .selectFrom('jobs')
    .select('id')
    .where('ready', '=', sql.lit(1))
    .where('route_id', '=', p.routeId)
    .limit(p.most);
  const urgent = ready.where('priority', '>', p.priority);
  const older = ready
    .where('priority', '=', p.priority)
    .where((eb) => eb(eb.refTuple('created_at', 'id'), '<', eb.tuple(p.createdAt, p.id)));
  return db
    .selectFrom(
      db
        .selectFrom(urgent.as('branch'))
        .select('id')
        .unionAll(db.selectFrom(older.as('branch')).select('id'))
        .limit(p.most)
        .as('page'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count'));
});

export function* countReadyBefore(job: JobRecord, most: number): Verb<number> {
  const { priority, createdAt, id } = job;
  const counted = yield* first(readyBefore, { routeId: routeOf(job).id, priority, createdAt, id, most });
  return counted?.count ?? 0;
}

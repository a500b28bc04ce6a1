import { sql } from 'kysely';
import { statement } from '../engine/statement.ts';
import { put, type Verb } from '../engine/verb.ts';

const shiftRunning = statement<{ ms: number }>()((db, p) =>
  db
    .updateTable('jobs')
    .set((eb) => ({ lease_expires_at: sql<number>`lease_expires_at + ${p.ms}`, version: eb('version', '+', 1) }))
    .where('status', '=', sql.lit('running')),
);

/**
 * Shifts only delays before a retry. The delay before a first attempt is not shifted, because the creator of the job
 * chose the time at which it ends.
 */
const shiftRetries = statement<{ ms: number }>()((db, p) =>
  db
    .updateTable('jobs')
    .set((eb) => ({ next_attempt_at: sql<number>`next_attempt_at + ${p.ms}`, version: eb('version', '+', 1) }))
    .where('status', '=', sql.lit('queued'))
    .where('ready', '=', sql.lit(0))
    .where('attempt', '>', sql.lit(1)),
);

/**
 * Adds `ms` to the end of all leases and retry delays. Called after the clock from which these times were computed was
 * set forward by `ms`. Each lease and delay then keeps its remaining time. `ms` is negative if the clock was set back.
 */
export function* shiftLeases(ms: number): Verb<void> {
  yield* put(shiftRunning, { ms });
  yield* put(shiftRetries, { ms });
}

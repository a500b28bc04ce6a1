import type { Commit, Conflict } from '../../../kernel/commit.ts';
import { statement } from '../engine/statement.ts';
import { first, put, type Verb } from '../engine/verb.ts';

const lockWorker = statement<{ id: string }>()((db, p, syntax) =>
  syntax.locked(db.selectFrom('workers').select('id').where('id', '=', p.id), 'wait'),
);

const revokeRegistrationRows = statement<{ workerId: string; revokedAt: number }>()((db, p) =>
  db
    .updateTable('credentials')
    .set((eb) => ({ revoked_at: p.revokedAt, version: eb('version', '+', 1) }))
    .where('worker_id', '=', p.workerId)
    .where('experiment_id', 'is not', null)
    .where('revoked_at', 'is', null),
);

/**
 * Holds every worker whose registrations the commit revokes: another commit that adds one first would else be
 * missed by an update that began before it ended.
 */
export function* holdWorkers({ changes }: Commit): Verb<Conflict | undefined> {
  const ids = changes.flatMap((change) => (change.kind === 'revoke-registrations' ? [change.workerId] : []));
  for (const workerId of [...new Set(ids)].sort()) {
    if ((yield* first(lockWorker, { id: workerId })) === undefined)
      return { kind: 'missing', record: 'worker', id: workerId };
  }
  return undefined;
}

export function* revokeRegistrations(workerId: string, revokedAt: number): Verb<undefined> {
  yield* put(revokeRegistrationRows, { workerId, revokedAt });
  return undefined;
}

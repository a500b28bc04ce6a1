import type { CredentialRecord, WorkerRecord } from '@proofhouse/core';
import type { Commit, Conflict } from '../../../kernel/commit.ts';
import { credentialToRow } from './credential-row.ts';
import type { CredentialRow, WorkerRow } from '../engine/schema.ts';
import { statement } from '../engine/statement.ts';
import { first, put, run, type Verb } from '../engine/verb.ts';
import { workerToRow } from './worker-row.ts';

const insertWorker = statement<WorkerRow>()((db, p) =>
  db
    .insertInto('workers')
    .values({
      id: p.id,
      name: p.name,
      experiment_id: p.experiment_id,
      labels: p.labels,
      created_by: p.created_by,
      created_at: p.created_at,
    })
    .onConflict((on) => on.column('id').doNothing()),
);

const lockWorker = statement<{ id: string }>()((db, p, syntax) =>
  syntax.locked(db.selectFrom('workers').select('id').where('id', '=', p.id), 'wait'),
);

const credentialFields = (p: CredentialRow) => ({
  worker_id: p.worker_id,
  secret_sha256: p.secret_sha256,
  description: p.description,
  policy: p.policy,
  experiment_id: p.experiment_id,
  created_by: p.created_by,
  created_at: p.created_at,
  expires_at: p.expires_at,
  revoked_at: p.revoked_at,
  last_used_at: p.last_used_at,
  version: p.version,
});

const insertCredential = statement<CredentialRow>()((db, p) =>
  db.insertInto('credentials').values({ id: p.id, ...credentialFields(p) }),
);

const updateCredentialRow = statement<CredentialRow & { before: number }>()((db, p) =>
  db.updateTable('credentials').set(credentialFields(p)).where('id', '=', p.id).where('version', '=', p.before),
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
    if ((yield* first(lockWorker, { id: workerId })) === undefined) return { kind: 'worker-missing', workerId };
  }
  return undefined;
}

export function* addWorkerIfAbsent(worker: WorkerRecord): Verb<undefined> {
  yield* put(insertWorker, workerToRow(worker));
  return undefined;
}

export function* addCredential(credential: CredentialRecord): Verb<undefined> {
  yield* put(insertCredential, credentialToRow(credential));
  return undefined;
}

export function* updateCredential(credential: CredentialRecord): Verb<Conflict | undefined> {
  const row = credentialToRow(credential);
  const changes = yield* run(updateCredentialRow, { ...row, before: row.version - 1 });
  return changes === 1 ? undefined : { kind: 'version' };
}

export function* revokeRegistrations(workerId: string, revokedAt: number): Verb<undefined> {
  yield* put(revokeRegistrationRows, { workerId, revokedAt });
  return undefined;
}

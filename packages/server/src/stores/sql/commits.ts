import { checkFence } from '@proofhouse/core';
import type { Change, Commit, CommitResult, Conflict, Precondition } from '../../kernel/commit.ts';
import { artifactToRow } from './artifact-row.ts';
import { credentialToRow } from './credential-row.ts';
import { useKey } from './idempotency.ts';
import { insertEvents } from './job-writes.ts';
import { jobFromRow } from './job-row.ts';
import { lockJob } from './job-apply.ts';
import type { ArtifactPathRow, ArtifactRow, CredentialRow, JobRow, WorkerRow } from './schema.ts';
import type { SqlDialect } from './sql-dialect.ts';
import { statement } from './statement.ts';
import { workerToRow } from './worker-row.ts';
import { first, put, run, Undo, type Verb } from './verb.ts';

type TakePath = Change & { kind: 'take-path' };

const takePath = statement<ArtifactPathRow>()((db, p) =>
  db
    .insertInto('artifact_paths')
    .values({ job_id: p.job_id, path: p.path, kind: p.kind })
    .onConflict((on) => on.columns(['job_id', 'path']).doNothing()),
);

const kindOfPath = statement<{ jobId: string; path: string }>()((db, p) =>
  db.selectFrom('artifact_paths').select('kind').where('job_id', '=', p.jobId).where('path', '=', p.path),
);

const insertArtifact = statement<ArtifactRow>()((db, p) =>
  db.insertInto('artifacts').values({
    id: p.id,
    uri: p.uri,
    type: p.type,
    title: p.title,
    status: p.status,
    storage_provider: p.storage_provider,
    filename: p.filename,
    content_type: p.content_type,
    blob_key: p.blob_key,
    blob_sha256: p.blob_sha256,
    blob_size_bytes: p.blob_size_bytes,
    blob_fingerprint: p.blob_fingerprint,
    data_class: p.data_class,
    visibility: p.visibility,
    source_type: p.source_type,
    job_id: p.job_id,
    name: p.name,
    created_by: p.created_by,
    tags: p.tags,
    metadata: p.metadata,
    experiment_id: p.experiment_id,
    pinned_at: p.pinned_at,
    purged_at: p.purged_at,
    version: p.version,
    created_at: p.created_at,
    updated_at: p.updated_at,
  }),
);

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

const updateCredential = statement<CredentialRow & { before: number }>()((db, p) =>
  db.updateTable('credentials').set(credentialFields(p)).where('id', '=', p.id).where('version', '=', p.before),
);

const numberEvent = statement<{ id: string }>()((db, p) =>
  db
    .updateTable('jobs')
    .set((eb) => ({ last_seq: eb('last_seq', '+', 1) }))
    .where('id', '=', p.id)
    .returning('last_seq'),
);

/**
 * The key first, then the jobs' rows, then paths, each sorted: two commits that touch the same things
 * wait for one another instead of locking each other out.
 */
export function* commitAll(dialect: SqlDialect, commit: Commit): Verb<CommitResult> {
  if (commit.idempotency !== undefined) {
    const known = yield* useKey(commit.idempotency, commit.now);
    if (known.use === 'conflict') return { outcome: 'conflict', conflict: { kind: 'idempotency' } };
    if (known.use === 'repeated') return { outcome: 'repeated', resourceId: known.resourceId };
  }
  const jobs = yield* lockJobs(commit);
  for (const condition of commit.preconditions) refuse(unmet(condition, jobs, commit.now));
  const paths = commit.changes.filter((change): change is TakePath => change.kind === 'take-path');
  for (const path of paths.toSorted(byPath)) refuse(yield* take(path));
  const lastSeqs: Record<string, number> = {};
  for (const change of commit.changes) refuse(yield* apply(dialect, change, commit.now, lastSeqs));
  return { outcome: 'done', lastSeqs };
}

/** Undoes what the commit wrote so far, and answers with the conflict. */
function refuse(conflict: Conflict | undefined): void {
  if (conflict !== undefined) throw new Undo({ outcome: 'conflict', conflict } satisfies CommitResult);
}

function* lockJobs(commit: Commit): Verb<Map<string, JobRow>> {
  const writes = commit.changes.filter((change) => change.kind === 'append-event' || change.kind === 'take-path');
  const ids = new Set([...commit.preconditions, ...writes].map(({ jobId }) => jobId));
  const jobs = new Map<string, JobRow>();
  for (const id of [...ids].sort()) {
    const row = yield* first(lockJob, { id });
    if (row !== undefined) jobs.set(id, row);
  }
  return jobs;
}

function unmet(condition: Precondition, jobs: ReadonlyMap<string, JobRow>, now: number): Conflict | undefined {
  const row = jobs.get(condition.jobId);
  if (row === undefined) return { kind: 'job-missing', jobId: condition.jobId };
  if (condition.kind === 'job-exists') return undefined;
  const refusal = checkFence(jobFromRow(row), condition.fence, now);
  return refusal === undefined ? undefined : { kind: 'fence', refusal };
}

function byPath(a: TakePath, b: TakePath): number {
  if (a.jobId !== b.jobId) return a.jobId < b.jobId ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}

function* take({ jobId, path, as }: TakePath): Verb<Conflict | undefined> {
  if ((yield* run(takePath, { job_id: jobId, path, kind: as })) > 0) return undefined;
  const taken = yield* first(kindOfPath, { jobId, path });
  return taken === undefined || taken.kind === as ? undefined : { kind: 'path', path, is: taken.kind };
}

/** Writes one change; `lastSeqs` is told how the logs of jobs grow. */
function* apply(
  dialect: SqlDialect,
  change: Change,
  now: number,
  lastSeqs: Record<string, number>,
): Verb<Conflict | undefined> {
  switch (change.kind) {
    case 'take-path':
      return undefined;
    case 'add-artifact':
      yield* put(insertArtifact, artifactToRow(change.artifact));
      return undefined;
    case 'add-worker-if-absent': {
      yield* put(insertWorker, workerToRow(change.worker));
      return undefined;
    }
    case 'add-credential':
      yield* put(insertCredential, credentialToRow(change.credential));
      return undefined;
    case 'update-credential': {
      const row = credentialToRow(change.credential);
      const changes = yield* run(updateCredential, { ...row, before: row.version - 1 });
      return changes === 1 ? undefined : { kind: 'version' };
    }
    case 'append-event': {
      const numbered = yield* first(numberEvent, { id: change.jobId });
      if (numbered === undefined) return { kind: 'job-missing', jobId: change.jobId };
      yield* insertEvents(dialect, change.jobId, numbered.last_seq - 1, [change.event], now);
      lastSeqs[change.jobId] = numbered.last_seq;
      return undefined;
    }
  }
}

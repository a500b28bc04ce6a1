import { checkFence, finalStatuses } from '@proofhouse/core';
import { meetsConditions } from '../../../kernel/entity-conditions.ts';
import type { Change, Commit, CommitResult, Conflict, Precondition } from '../../../kernel/commit.ts';
import { timeAt, type StoreTime } from '../../../kernel/time/store-time.ts';
import { newestArtifact } from './artifacts.ts';
import { addArtifact, addGrant, updateArtifact } from './artifact-writes.ts';
import {
  addCredential,
  addWorkerIfAbsent,
  holdWorkers,
  revokeRegistrations,
  updateCredential,
} from './credential-writes.ts';
import {
  addExperiment,
  addGroup,
  addGroupMember,
  deleteGroup,
  holdGroups,
  removeGroupMember,
  requireExperiment,
  updateExperiment,
} from './group-writes.ts';
import { useKey } from './idempotency.ts';
import { insertEvents } from '../queue/job-writes.ts';
import { jobFromRow } from '../queue/job-row.ts';
import { lockJob } from '../queue/job-apply.ts';
import type { ArtifactPathRow, JobRow } from '../engine/schema.ts';
import type { QueueDialect } from '../queue/queue-dialect.ts';
import { statement } from '../engine/statement.ts';
import { first, run, Undo, type Verb } from '../engine/verb.ts';

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

const numberEvent = statement<{ id: string }>()((db, p) =>
  db
    .updateTable('jobs')
    .set((eb) => ({ last_seq: eb('last_seq', '+', 1) }))
    .where('id', '=', p.id)
    .returning('last_seq'),
);

/**
 * The key first, then the rows of jobs, groups and workers, then paths, each sorted: two commits that touch the same
 * things wait for one another instead of locking each other out.
 */
export function* commitAll(dialect: QueueDialect, commit: Commit, storeTime: StoreTime): Verb<CommitResult> {
  const { now, leasesAt } = timeAt(commit.now, storeTime);
  if (commit.idempotency !== undefined) {
    const known = yield* useKey(commit.idempotency, now);
    if (known.use === 'conflict') return { outcome: 'conflict', conflict: { kind: 'idempotency' } };
    if (known.use === 'repeated') return { outcome: 'repeated', resourceId: known.resourceId };
  }
  const jobs = yield* lockJobs(commit);
  refuse(yield* holdGroups(commit));
  refuse(yield* holdWorkers(commit));
  for (const condition of commit.preconditions) refuse(yield* unmet(condition, jobs, leasesAt));
  const paths = commit.changes.filter((change): change is TakePath => change.kind === 'take-path');
  for (const path of paths.toSorted(byPath)) refuse(yield* take(path));
  const lastSeqs: Record<string, number> = {};
  for (const change of commit.changes) refuse(yield* apply(dialect, change, now, lastSeqs));
  return { outcome: 'done', lastSeqs };
}

/** Undoes what the commit wrote so far, and answers with the conflict. */
function refuse(conflict: Conflict | undefined): void {
  if (conflict !== undefined) throw new Undo({ outcome: 'conflict', conflict } satisfies CommitResult);
}

function* lockJobs({ preconditions, changes }: Commit): Verb<Map<string, JobRow>> {
  const touched = [...preconditions, ...changes].flatMap((item) => {
    switch (item.kind) {
      case 'job-exists':
      case 'job-over':
      case 'job-held':
      case 'newest-artifact':
      case 'append-event':
      case 'take-path':
        return [item.jobId];
      default:
        return [];
    }
  });
  const jobs = new Map<string, JobRow>();
  for (const id of [...new Set(touched)].sort()) {
    const row = yield* first(lockJob, { id });
    if (row !== undefined) jobs.set(id, row);
  }
  return jobs;
}

function* unmet(
  condition: Precondition,
  jobs: ReadonlyMap<string, JobRow>,
  leasesAt: number,
): Verb<Conflict | undefined> {
  // Groups were looked for when they were locked.
  if (condition.kind === 'group-exists') return undefined;
  if (condition.kind === 'experiment-exists') return yield* requireExperiment(condition.experimentId);
  const row = jobs.get(condition.jobId);
  if (row === undefined) return { kind: 'job-missing', jobId: condition.jobId };
  if (condition.kind === 'job-exists') return undefined;
  if (condition.kind === 'newest-artifact') {
    // The lock on the job orders this read behind every other upload to it.
    const newest = yield* newestArtifact(condition.jobId, condition.name);
    return meetsConditions(condition.conditions, newest?.blob.sha256) ? undefined : { kind: 'condition' };
  }
  if (condition.kind === 'job-over') return finalStatuses.includes(row.status) ? undefined : notOver(row);
  const refusal = checkFence(jobFromRow(row), condition.fence, leasesAt);
  return refusal === undefined ? undefined : { kind: 'fence', refusal };
}

function notOver({ id, status }: JobRow): Conflict {
  return { kind: 'fence', refusal: { code: 'job_state_conflict', message: `Job ${id} is ${status}.` } };
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
  dialect: QueueDialect,
  change: Change,
  now: number,
  lastSeqs: Record<string, number>,
): Verb<Conflict | undefined> {
  switch (change.kind) {
    case 'take-path':
      return undefined;
    case 'add-artifact':
      return yield* addArtifact(change.artifact);
    case 'update-artifact':
      return yield* updateArtifact(change.artifact);
    case 'add-grant':
      return yield* addGrant(change.grant);
    case 'add-worker-if-absent':
      return yield* addWorkerIfAbsent(change.worker);
    case 'add-credential':
      return yield* addCredential(change.credential);
    case 'update-credential':
      return yield* updateCredential(change.credential);
    case 'revoke-registrations':
      return yield* revokeRegistrations(change.workerId, change.revokedAt);
    case 'add-experiment':
      return yield* addExperiment(change.experiment);
    case 'update-experiment':
      return yield* updateExperiment(change.experiment);
    case 'add-group':
      return yield* addGroup(change.group);
    case 'delete-group':
      return yield* deleteGroup(change.groupId);
    case 'add-group-member':
      return yield* addGroupMember(change.groupId, change.memberId, change.addedAt);
    case 'remove-group-member':
      return yield* removeGroupMember(change.groupId, change.memberId);
    case 'append-event':
      return yield* appendEvent(dialect, change, now, lastSeqs);
  }
}

function* appendEvent(
  dialect: QueueDialect,
  { jobId, event }: Change & { kind: 'append-event' },
  now: number,
  lastSeqs: Record<string, number>,
): Verb<Conflict | undefined> {
  const numbered = yield* first(numberEvent, { id: jobId });
  if (numbered === undefined) return { kind: 'job-missing', jobId };
  yield* insertEvents(dialect, jobId, numbered.last_seq - 1, [event], now);
  lastSeqs[jobId] = numbered.last_seq;
  return undefined;
}

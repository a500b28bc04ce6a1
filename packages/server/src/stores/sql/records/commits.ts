import { checkFence, finalStatuses, ownedBlob } from '@proofhouse/core';
import { meetsConditions } from '../../../kernel/entity-conditions.ts';
import type {
  Change,
  Commit,
  CommitResult,
  Conflict,
  Insert,
  NamedKind,
  Precondition,
  Update,
} from '../../../kernel/commit.ts';
import { timeAt, type StoreTime } from '../../../kernel/time/store-time.ts';
import { newestArtifact } from './artifacts.ts';
import { holdWorkers, revokeRegistrations } from './credential-writes.ts';
import { addGroup, addGroupMember, deleteGroup, holdGroups, removeGroupMember } from './group-writes.ts';
import { useKey } from './idempotency.ts';
import { lockNamed, type Locked } from './lock-phase.ts';
import { BlobChanges } from './record-blobs.ts';
import { insertRecord, keyOfChange, updateRecord } from './record-statements.ts';
import { insertEvents } from '../queue/job-writes.ts';
import { jobFromRow } from '../queue/job-row.ts';
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
 * The idempotency key first, then the lock phase, then the preconditions, then paths, then the other changes, then usage.
 * Each step
 * has one order in all commits, so two commits that touch the same rows do not deadlock.
 */
export function* commitAll(dialect: QueueDialect, commit: Commit, storeTime: StoreTime): Verb<CommitResult> {
  const { now, leasesAt } = timeAt(commit.now, storeTime);
  if (commit.idempotency !== undefined) {
    const known = yield* useKey(commit.idempotency, now);
    if (known.use === 'conflict') return { outcome: 'conflict', conflict: { kind: 'idempotency' } };
    if (known.use === 'repeated') return { outcome: 'repeated', resourceId: known.resourceId };
  }
  const locked = yield* lockNamed(commit);
  refuse(yield* holdGroups(commit));
  refuse(yield* holdWorkers(commit));
  for (const condition of commit.preconditions) refuse(yield* unmet(condition, locked, leasesAt));
  const paths = commit.changes.filter((change): change is TakePath => change.kind === 'take-path');
  for (const path of paths.toSorted(byPath)) refuse(yield* take(path));
  // Before inserts: a commit that revokes a worker's registrations adds the next one.
  for (const change of commit.changes) {
    if (change.kind === 'revoke-registrations') yield* revokeRegistrations(change.workerId, change.revokedAt);
  }
  const records = commit.changes.filter((change) => change.kind === 'insert' || change.kind === 'update');
  const blobs = new BlobChanges(dialect.usageSlots);
  for (const change of records.toSorted(byKey)) refuse(yield* writeRecord(change, blobs));
  const lastSeqs: Record<string, number> = {};
  for (const change of commit.changes) refuse(yield* applySpecial(dialect, change, now, lastSeqs));
  yield* blobs.finish();
  return { outcome: 'done', lastSeqs };
}

/** Undoes what the commit wrote so far, and answers with the conflict. */
function refuse(conflict: Conflict | undefined): void {
  if (conflict !== undefined) throw new Undo({ outcome: 'conflict', conflict } satisfies CommitResult);
}

function* unmet(condition: Precondition, locked: Locked, leasesAt: number): Verb<Conflict | undefined> {
  switch (condition.kind) {
    case 'exists':
      return locked.has(condition.record, condition.id) ? undefined : missing(condition.record, condition.id);
    case 'unchanged': {
      const { record, id, version } = condition;
      return locked.versionOf(record, id) === version ? undefined : { kind: 'version', record, id };
    }
    // Groups were looked for when they were locked.
    case 'group-exists':
      return undefined;
    case 'newest-artifact':
      if (!locked.has('job', condition.jobId)) return missing('job', condition.jobId);
      return yield* unmetByNewest(condition);
    case 'job-over':
    case 'job-held': {
      const row = locked.job(condition.jobId);
      return row === undefined ? missing('job', condition.jobId) : unmetByJob(condition, row, leasesAt);
    }
  }
}

function missing(record: NamedKind, id: string): Conflict {
  return { kind: 'missing', record, id };
}

/** The lock on the job orders this read behind every other upload to it. */
function* unmetByNewest({
  jobId,
  name,
  conditions,
}: Precondition & { kind: 'newest-artifact' }): Verb<Conflict | undefined> {
  const newest = yield* newestArtifact(jobId, name);
  return meetsConditions(conditions, newest && ownedBlob(newest).sha256) ? undefined : { kind: 'condition' };
}

function unmetByJob(
  condition: Precondition & { kind: 'job-over' | 'job-held' },
  row: JobRow,
  leasesAt: number,
): Conflict | undefined {
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

/** By kind and key: the order in which inserts and updates of all commits take their rows. */
function byKey(a: Insert | Update, b: Insert | Update): number {
  if (a.record !== b.record) return a.record < b.record ? -1 : 1;
  const [one, other] = [keyOfChange(a), keyOfChange(b)];
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function* take({ jobId, path, as }: TakePath): Verb<Conflict | undefined> {
  if ((yield* run(takePath, { job_id: jobId, path, kind: as })) > 0) return undefined;
  const taken = yield* first(kindOfPath, { jobId, path });
  return taken === undefined || taken.kind === as ? undefined : { kind: 'path', path, is: taken.kind };
}

function writeRecord(change: Insert | Update, blobs: BlobChanges): Verb<Conflict | undefined> {
  return change.kind === 'insert' ? insertRecord(change, blobs) : updateRecord(change, blobs);
}

/** Writes a change that is more than a record; adds to `lastSeqs` how the logs of jobs grow. */
function* applySpecial(
  dialect: QueueDialect,
  change: Change,
  now: number,
  lastSeqs: Record<string, number>,
): Verb<Conflict | undefined> {
  switch (change.kind) {
    case 'insert':
    case 'update':
    case 'take-path':
    case 'revoke-registrations':
      return undefined;
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
  if (numbered === undefined) return missing('job', jobId);
  yield* insertEvents(dialect, jobId, numbered.last_seq - 1, [event], now);
  lastSeqs[jobId] = numbered.last_seq;
  return undefined;
}

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
import { addMember, removeMember } from './group-members.ts';
import { useKey } from './idempotency.ts';
import { lockNamed, type Locked } from './lock-phase.ts';
import { BlobChanges } from './record-blobs.ts';
import { insertRecord, keyOfChange, raiseRecord, updateRecord } from './record-statements.ts';
import { insertJobs } from '../queue/job-enqueue.ts';
import type { RouteCache } from '../queue/route-cache.ts';
import type { JobRoute } from '../../../jobs/job-route.ts';
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
    .set((eb) => ({ last_seq: eb('last_seq', '+', 1), version: eb('version', '+', 1) }))
    .where('id', '=', p.id)
    .returning('last_seq'),
);

/** The result of a commit, and the routes of the jobs that it added. `RouteCache.addJobs` needs the routes. */
export interface CommittedAll {
  readonly result: CommitResult;
  readonly routes: readonly JobRoute[];
}

/**
 * Applies a commit in this order: idempotency key, locks on the named records, preconditions, paths, records sorted by
 * kind and key, events and members, usage counters, new jobs. All commits write the rows of each step in the same
 * order, so two commits that write the same rows do not deadlock. New jobs are last because they may need the advisory
 * lock on routes, and its holder must not wait for row locks.
 */
export function* commitAll(
  dialect: QueueDialect,
  cache: RouteCache,
  commit: Commit,
  storeTime: StoreTime,
): Verb<CommittedAll> {
  const { now, leasesAt } = timeAt(commit.now, storeTime);
  if (commit.idempotency !== undefined) {
    const used = yield* useKey(commit.idempotency, now);
    if (used.use === 'conflict') return ended({ outcome: 'conflict', conflict: { kind: 'idempotency' } });
    if (used.use === 'repeated') return ended({ outcome: 'repeated', resourceId: used.resourceId });
  }
  const locked = yield* lockNamed(commit);
  for (const condition of commit.preconditions) refuse(yield* unmet(condition, locked, leasesAt));
  const paths = commit.changes.filter((change) => change.kind === 'take-path');
  for (const path of paths.toSorted(byPath)) refuse(yield* take(path));
  const records = commit.changes.filter((change) => change.kind === 'insert' || change.kind === 'update');
  const blobs = new BlobChanges();
  for (const change of records.toSorted(byKey)) refuse(yield* writeRecord(change, blobs));
  const lastSeqs: Record<string, number> = {};
  const writing = { dialect, locked, blobs, now, lastSeqs };
  for (const change of commit.changes) refuse(yield* applySpecial(writing, change));
  yield* blobs.finish();
  const jobs = commit.changes.flatMap((change) => (change.kind === 'add-job' ? [change.job] : []));
  const routes = jobs.length === 0 ? [] : yield* insertJobs(dialect, cache, jobs);
  return { result: { outcome: 'done', lastSeqs }, routes };
}

function ended(result: CommitResult): CommittedAll {
  return { result, routes: [] };
}

/** Rolls back the writes of the commit and returns the conflict as its result. */
function refuse(conflict: Conflict | undefined): void {
  if (conflict !== undefined) throw new Undo(ended({ outcome: 'conflict', conflict }));
}

function* unmet(condition: Precondition, locked: Locked, leasesAt: number): Verb<Conflict | undefined> {
  switch (condition.kind) {
    case 'exists':
      return locked.has(condition.record, condition.id) ? undefined : missing(condition.record, condition.id);
    case 'unchanged': {
      const { record, id, version } = condition;
      return locked.versionOf(record, id) === version ? undefined : { kind: 'version', record, id };
    }
    case 'counter': {
      const { record, id, counter, value } = condition;
      return locked.counterOf(condition) === value ? undefined : { kind: 'counter', record, id, counter };
    }
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

/**
 * Checks a precondition of the kind `newest-artifact`. This commit has locked the job, so other uploads to the job wait
 * until it ends.
 */
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

/** Compares two changes by kind and key. All commits insert and update rows in this order. */
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

/** The values that are needed to apply any change of one commit. */
interface Writing {
  readonly dialect: QueueDialect;
  readonly locked: Locked;
  readonly blobs: BlobChanges;
  readonly now: number;
  /** The sequence number of the newest event of each job to whose log this commit appended. */
  readonly lastSeqs: Record<string, number>;
}

/**
 * Applies a change that neither inserts nor updates a record. Paths and new jobs are not among these changes;
 * `commitAll` applies them.
 */
function* applySpecial(writing: Writing, change: Change): Verb<Conflict | undefined> {
  switch (change.kind) {
    case 'insert':
    case 'update':
    case 'take-path':
    case 'add-job':
      return undefined;
    case 'raise':
      return yield* raiseRecord(change);
    case 'add-member':
    case 'remove-member':
      if (!writing.locked.has('group', change.groupId)) return missing('group', change.groupId);
      return yield* change.kind === 'add-member' ? addMember(change, writing.blobs) : removeMember(change);
    case 'append-event':
      return yield* appendEvent(writing, change);
  }
}

function* appendEvent(
  { dialect, now, lastSeqs }: Writing,
  { jobId, event }: Change & { kind: 'append-event' },
): Verb<Conflict | undefined> {
  const numbered = yield* first(numberEvent, { id: jobId });
  if (numbered === undefined) return missing('job', jobId);
  yield* insertEvents(dialect, jobId, numbered.last_seq - 1, [event], now);
  lastSeqs[jobId] = numbered.last_seq;
  return undefined;
}

import type {
  ArtifactRecord,
  AuditEntry,
  CredentialRecord,
  ExperimentRecord,
  Fence,
  GrantRecord,
  GroupEntry,
  GroupMember,
  HistoryRecord,
  JobEventDraft,
  JobRecord,
  Refusal,
  SessionRecord,
  SignInCodeRecord,
  UserRecord,
  UserTokenRecord,
  WorkerRecord,
} from '@proofhouse/core';
import type { EntityConditions } from './entity-conditions.ts';

/**
 * The kinds of records that a commit inserts and updates, with the type of each. A new kind needs one row here and one
 * in `stores/sql/records/record-table.ts`.
 */
export interface RecordKinds {
  artifact: ArtifactRecord;
  'artifact-history': HistoryRecord;
  'audit-entry': AuditEntry;
  credential: CredentialRecord;
  experiment: ExperimentRecord;
  grant: GrantRecord;
  group: GroupEntry;
  /** May be inserted as a record only while the group is hidden. For a visible group, use `add-member`. */
  member: GroupMember;
  session: SessionRecord;
  'sign-in-code': SignInCodeRecord;
  user: UserRecord;
  'user-token': UserTokenRecord;
  worker: WorkerRecord;
}
export type RecordKind = keyof RecordKinds;

/** Kinds whose records have a version, and can therefore be updated. */
export type VersionedKind = {
  [Kind in RecordKind]: RecordKinds[Kind] extends { readonly version: number } ? Kind : never;
}[RecordKind];

/** Kinds for which a precondition can require that a record is unchanged (`unchanged`). */
export type WitnessKind = VersionedKind | 'job';

/**
 * Kinds whose records have one id, by which a precondition names them. The queue writes jobs, so a commit does not
 * insert or update them.
 */
export type NamedKind =
  'job' | { [Kind in RecordKind]: RecordKinds[Kind] extends { readonly id: string } ? Kind : never }[RecordKind];

/**
 * The counter of each record kind that has one. Only the change `raise` changes a counter, always by one. It leaves the
 * version of the record unchanged, so updates of the record do not conflict with it.
 */
export interface RecordCounters {
  worker: 'registrationEpoch';
}
export type CountedKind = keyof RecordCounters;

/** Identifies one counter of one record. */
export type CounterName = {
  readonly [Kind in CountedKind]: {
    readonly record: Kind;
    readonly id: string;
    readonly counter: RecordCounters[Kind];
  };
}[CountedKind];

/**
 * A set of changes with preconditions, applied atomically. All writes except the frequent operations of the queue are
 * commits. The caller reads consistent data, makes a pure decision (`decideAndCommit`), and commits the result. A
 * commit maps to a SQL transaction with version checks, or to DynamoDB's TransactWriteItems. So it has at most
 * `maxItems` items (`commit-items.ts`).
 *
 * The store first locks every record that the preconditions and updates name, in the order of (kind, id). Then it
 * checks and writes. So two commits that name the same records do not deadlock.
 */
export interface Commit {
  readonly changes: readonly Change[];
  readonly preconditions: readonly Precondition[];
  readonly idempotency?: IdempotencyKey | undefined;
  /**
   * True for a commit after which the effect of the call is not visible yet, because a later commit of the same call
   * decides. Such a commit does not store the audit entry of the call.
   */
  readonly isPreparation?: true;
  /** Replaces the store's time in tests. Leases and idempotency keys are then compared with this time. */
  readonly now?: number;
}

/**
 * What an insert does if a record with the same key exists. `fail`: the commit throws `internal`; used for ids that the
 * server generates. `keep`: the insert is a no-op. `conflict`: the commit is refused with the conflict `exists`.
 */
export type WhenTaken = 'fail' | 'keep' | 'conflict';

export type Insert = {
  readonly [Kind in RecordKind]: {
    readonly kind: 'insert';
    readonly record: Kind;
    readonly value: RecordKinds[Kind];
    readonly whenTaken: WhenTaken;
  };
}[RecordKind];

/**
 * Replaces the mutable fields of a record. `version` must be the stored version, else the commit is refused with the
 * conflict `version`. Immutable fields keep their stored values. The new version is always `version + 1`; the version
 * in `value` is ignored.
 */
export type Update = {
  readonly [Kind in VersionedKind]: {
    readonly kind: 'update';
    readonly record: Kind;
    readonly value: RecordKinds[Kind];
    readonly version: number;
  };
}[VersionedKind];

export type Change =
  | Insert
  | Update
  /**
   * Reserves a path in the name space of a job, as a file or as a folder. If the path is already reserved as the other
   * kind, the commit is refused with the conflict `path`.
   */
  | { readonly kind: 'take-path'; readonly jobId: string; readonly path: string; readonly as: 'file' | 'folder' }
  /** Adds one to the counter. The conflict is `missing` if the record does not exist. */
  | ({ readonly kind: 'raise' } & CounterName)
  /**
   * Adds the member at the end of the visible group. If the group already has the member, nothing changes, and the
   * member keeps its place. Conflicts: `missing` (no such group), `group-full` (the group has as many members as
   * `groupLimits` allows).
   */
  | { readonly kind: 'add-member'; readonly groupId: string; readonly memberId: string; readonly addedAt: number }
  /**
   * Removes a member from the group. A no-op if the group does not have this member. The conflict is `missing` if the
   * group does not exist.
   */
  | { readonly kind: 'remove-member'; readonly groupId: string; readonly memberId: string }
  /**
   * Enqueues a new job with its `queued` event, as `JobStore.enqueue` does. The caller must publish the hint (`hintOf`)
   * after the commit.
   */
  | { readonly kind: 'add-job'; readonly job: JobRecord }
  /**
   * Appends the event to the log of the job, with the next sequence number. The conflict is `missing` if the job does
   * not exist.
   */
  | { readonly kind: 'append-event'; readonly jobId: string; readonly event: JobEventDraft };

export type Precondition =
  /** The record exists, and is not deleted before the end of this commit. */
  | { readonly kind: 'exists'; readonly record: NamedKind; readonly id: string }
  /** The record has not changed since the decision read it: its stored version is still `version`. */
  | { readonly kind: 'unchanged'; readonly record: WitnessKind; readonly id: string; readonly version: number }
  /**
   * The counter still has the value that the decision read. `unchanged` cannot require this, because `raise` does not
   * change the version of the record.
   */
  | ({ readonly kind: 'counter'; readonly value: number } & CounterName)
  /** The job is in a final state. Otherwise the conflict is `fence`, with the code `job_state_conflict`. */
  | { readonly kind: 'job-over'; readonly jobId: string }
  /**
   * The writer still holds the lease of the job. `checkFence` of core decides this, and the row of the job is locked.
   */
  | { readonly kind: 'job-held'; readonly jobId: string; readonly fence: Fence }
  /**
   * The newest artifact of the job with this name meets the conditions, even if its bytes were purged. The entity tag
   * of an artifact is its sha256.
   */
  | {
      readonly kind: 'newest-artifact';
      readonly jobId: string;
      readonly name: string;
      readonly conditions: EntityConditions;
    };

export function insert<Kind extends RecordKind>(
  record: Kind,
  value: RecordKinds[Kind],
  whenTaken: WhenTaken = 'fail',
): Insert {
  return { kind: 'insert', record, value, whenTaken } as Insert;
}

/** Returns an update. `version` is the version of the record that the new value was derived from. */
export function update<Kind extends VersionedKind>(record: Kind, value: RecordKinds[Kind], version: number): Update {
  return { kind: 'update', record, value, version } as Update;
}

export function exists(record: NamedKind, id: string): Precondition {
  return { kind: 'exists', record, id };
}

export function unchanged(record: WitnessKind, id: string, version: number): Precondition {
  return { kind: 'unchanged', record, id, version };
}

/** Returns a precondition on a counter. `value` is the value that the decision read. */
export function counterAt(name: CounterName, value: number): Precondition {
  return { kind: 'counter', ...name, value };
}

export function raise(name: CounterName): Change {
  return { kind: 'raise', ...name };
}

/**
 * The idempotency key of a request, written in the commit that creates the resource. The response is not stored. A
 * repeated request is answered from the present state of the resource.
 */
export interface IdempotencyKey {
  readonly principal: string;
  readonly operation: string;
  readonly key: string;
  /** Hash of the content of the request. A repeated request must have the same hash. */
  readonly fingerprint: string;
  readonly resourceId: string;
  readonly expiresAt: number;
}

export const idempotencyLifeMs = 24 * 60 * 60 * 1000;

export type CommitResult =
  /** `lastSeqs` has an entry for each job to whose log the commit appended: the sequence number of the newest event. */
  | { readonly outcome: 'done'; readonly lastSeqs: Readonly<Record<string, number>> }
  /** The idempotency key was used before for the same request, so nothing was written. */
  | { readonly outcome: 'repeated'; readonly resourceId: string }
  | { readonly outcome: 'conflict'; readonly conflict: Conflict };

export type Conflict =
  | { readonly kind: 'idempotency' }
  /** A record that a precondition or a change names does not exist. */
  | { readonly kind: 'missing'; readonly record: NamedKind; readonly id: string }
  /** The record of an insert with `whenTaken: 'conflict'` exists already. */
  | { readonly kind: 'exists'; readonly record: RecordKind; readonly id: string }
  /** The record was changed or deleted after the decision read it. */
  | { readonly kind: 'version'; readonly record: WitnessKind; readonly id: string }
  /** The counter was raised after the decision read it. */
  | ({ readonly kind: 'counter' } & CounterName)
  | { readonly kind: 'fence'; readonly refusal: Refusal }
  /** The precondition `newest-artifact` is not met. */
  | { readonly kind: 'condition' }
  | { readonly kind: 'path'; readonly path: string; readonly is: 'file' | 'folder' }
  | { readonly kind: 'group-full'; readonly groupId: string };

export interface Commits {
  /**
   * Applies a commit. Conflicts are returned. Throws only errors of the store: `unavailable`, `storage_full`, `internal`.
   * A commit with too many items also throws `internal`.
   */
  commit(commit: Commit): Promise<CommitResult>;
}

import type {
  ArtifactRecord,
  CredentialRecord,
  ExperimentRecord,
  Fence,
  GrantRecord,
  GroupRecord,
  JobEventDraft,
  Refusal,
  WorkerRecord,
} from '@proofhouse/core';
import type { EntityConditions } from './entity-conditions.ts';

/**
 * The records that a commit inserts and updates. A new kind is one row here and one in
 * `stores/sql/records/record-table.ts`.
 */
export interface RecordKinds {
  artifact: ArtifactRecord;
  credential: CredentialRecord;
  experiment: ExperimentRecord;
  grant: GrantRecord;
  worker: WorkerRecord;
}
export type RecordKind = keyof RecordKinds;

/** Kinds whose records have a version: they can be updated, and a commit can require that they are unchanged. */
export type VersionedKind = {
  [Kind in RecordKind]: RecordKinds[Kind] extends { readonly version: number } ? Kind : never;
}[RecordKind];

/** Kinds whose records have one id: a precondition can name them. The queue's verbs write jobs. */
export type NamedKind =
  'job' | { [Kind in RecordKind]: RecordKinds[Kind] extends { readonly id: string } ? Kind : never }[RecordKind];

/**
 * All writes but the queue's hot verbs: a consistent read, a pure decision (`decideAndCommit`), then these changes under
 * these preconditions, all or nothing. It maps to a SQL transaction with version checks and to DynamoDB's
 * TransactWriteItems.
 *
 * The store locks every record that the preconditions and updates name, in the order of (kind, id), before it checks
 * and writes anything. Two commits that name the same records therefore do not deadlock.
 */
export interface Commit {
  readonly changes: readonly Change[];
  readonly preconditions: readonly Precondition[];
  readonly idempotency?: IdempotencyKey | undefined;
  /** For tests: leases and keys are compared with this time instead of the store's. */
  readonly now?: number;
}

/**
 * What an insert does when the record's key is taken. `fail`: throws `internal`, for ids that the server mints.
 * `keep`: the older record stays, and the insert is a no-op. `conflict`: the commit is refused with `exists`.
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
 * Replaces the changeable fields of the record whose stored version is `version`, and stores `version + 1`, whatever the
 * value says. Fields that cannot change keep their stored values. Conflicts with `version`.
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
  /** Takes a path in a job's name space, as file or folder; conflicts when it is the other kind. */
  | { readonly kind: 'take-path'; readonly jobId: string; readonly path: string; readonly as: 'file' | 'folder' }
  /**
   * Revokes every registration token of the worker that is not revoked yet. Of commits that do this to one worker each
   * sees what the one before added. The worker must exist.
   */
  | { readonly kind: 'revoke-registrations'; readonly workerId: string; readonly revokedAt: number }
  /** With its members; its id must be new. */
  | { readonly kind: 'add-group'; readonly group: GroupRecord }
  /** With its members. Where it is a member itself it stays named, and resolves to nobody. The group must exist. */
  | { readonly kind: 'delete-group'; readonly groupId: string }
  /**
   * Puts the member last; one that is there already stays in its place. Conflicts (`group-full`) when the group holds as
   * many as `groupLimits` allows. Needs the precondition `group-exists`.
   */
  | { readonly kind: 'add-group-member'; readonly groupId: string; readonly memberId: string; readonly addedAt: number }
  /** Changes nothing when it is no member. */
  | { readonly kind: 'remove-group-member'; readonly groupId: string; readonly memberId: string }
  /** Numbers the event in its job's log. The job must exist. */
  | { readonly kind: 'append-event'; readonly jobId: string; readonly event: JobEventDraft };

export type Precondition =
  /** The record exists, and is not deleted before this commit is done. */
  | { readonly kind: 'exists'; readonly record: NamedKind; readonly id: string }
  /** The stored version is still this one: the decision was made on a record that has not changed since. */
  | { readonly kind: 'unchanged'; readonly record: VersionedKind; readonly id: string; readonly version: number }
  /** The job is in a final state; else a `fence` conflict with `job_state_conflict`. */
  | { readonly kind: 'job-over'; readonly jobId: string }
  /** The writer still holds the job, decided by core's `checkFence` on the row of this commit. */
  | { readonly kind: 'job-held'; readonly jobId: string; readonly fence: Fence }
  /** The newest artifact of the job under the name, purged ones too, meets the conditions; its tag is its sha256. */
  | {
      readonly kind: 'newest-artifact';
      readonly jobId: string;
      readonly name: string;
      readonly conditions: EntityConditions;
    }
  /** And is not deleted before this commit is done. */
  | { readonly kind: 'group-exists'; readonly groupId: string };

export function insert<Kind extends RecordKind>(
  record: Kind,
  value: RecordKinds[Kind],
  whenTaken: WhenTaken = 'fail',
): Insert {
  return { kind: 'insert', record, value, whenTaken } as Insert;
}

/** `version`: the stored version that the value was made from. */
export function update<Kind extends VersionedKind>(record: Kind, value: RecordKinds[Kind], version: number): Update {
  return { kind: 'update', record, value, version } as Update;
}

export function exists(record: NamedKind, id: string): Precondition {
  return { kind: 'exists', record, id };
}

/** Written in the resource's own commit; the answer to a repetition is rendered anew. */
export interface IdempotencyKey {
  readonly principal: string;
  readonly operation: string;
  readonly key: string;
  /** Of everything that makes two requests the same. */
  readonly fingerprint: string;
  readonly resourceId: string;
  readonly expiresAt: number;
}

export const idempotencyLifeMs = 24 * 60 * 60 * 1000;

export type CommitResult =
  /** `lastSeqs`: for each job whose log was appended to, the number of its last event now. */
  | { readonly outcome: 'done'; readonly lastSeqs: Readonly<Record<string, number>> }
  /** The key was used before for the same request: nothing was written now. */
  | { readonly outcome: 'repeated'; readonly resourceId: string }
  | { readonly outcome: 'conflict'; readonly conflict: Conflict };

export type Conflict =
  | { readonly kind: 'idempotency' }
  /** A record that a precondition or a change needs does not exist. */
  | { readonly kind: 'missing'; readonly record: NamedKind; readonly id: string }
  /** An insert that must be the first found its key taken. */
  | { readonly kind: 'exists'; readonly record: RecordKind; readonly id: string }
  /** The record was changed or deleted after it was read. */
  | { readonly kind: 'version'; readonly record: VersionedKind; readonly id: string }
  | { readonly kind: 'fence'; readonly refusal: Refusal }
  /** `newest-artifact` is not met. */
  | { readonly kind: 'condition' }
  | { readonly kind: 'path'; readonly path: string; readonly is: 'file' | 'folder' }
  | { readonly kind: 'group-missing'; readonly groupId: string }
  | { readonly kind: 'group-full'; readonly groupId: string };

export interface Commits {
  /** Throws only for trouble of the store itself: `unavailable`, `storage_full`, `internal`. */
  commit(commit: Commit): Promise<CommitResult>;
}

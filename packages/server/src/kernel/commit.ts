import type {
  ArtifactRecord,
  CredentialRecord,
  ExperimentRecord,
  Fence,
  GrantRecord,
  GroupEntry,
  GroupMember,
  JobEventDraft,
  JobRecord,
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
  group: GroupEntry;
  /** Inserted as such only while its group is hidden; see `add-member`. */
  member: GroupMember;
  worker: WorkerRecord;
}
export type RecordKind = keyof RecordKinds;

/** Kinds whose records have a version: they can be updated. */
export type VersionedKind = {
  [Kind in RecordKind]: RecordKinds[Kind] extends { readonly version: number } ? Kind : never;
}[RecordKind];

/** Kinds of which a commit can require that a record is unchanged. */
export type WitnessKind = VersionedKind | 'job';

/** Kinds whose records have one id: a precondition can name them. The queue's verbs write jobs. */
export type NamedKind =
  'job' | { [Kind in RecordKind]: RecordKinds[Kind] extends { readonly id: string } ? Kind : never }[RecordKind];

/**
 * Counters of records: numbers that only `raise` changes, by one. A counter is no part of the version, so raising it
 * does not make updates of the record conflict.
 */
export interface RecordCounters {
  worker: 'registrationEpoch';
}
export type CountedKind = keyof RecordCounters;

/** One counter of one record. */
export type CounterName = {
  readonly [Kind in CountedKind]: {
    readonly record: Kind;
    readonly id: string;
    readonly counter: RecordCounters[Kind];
  };
}[CountedKind];

/**
 * All writes but the queue's hot verbs: a consistent read, a pure decision (`decideAndCommit`), then these changes under
 * these preconditions, all or nothing. It maps to a SQL transaction with version checks and to DynamoDB's
 * TransactWriteItems, so it has at most `maxItems` items (`commit-items.ts`).
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
  /** Adds one to the counter. Conflicts with `missing`. */
  | ({ readonly kind: 'raise' } & CounterName)
  /**
   * Adds the member in the last place of the visible group; a present one keeps its place. Conflicts: `missing` (the group),
   * `group-full` when the group has as many members as `groupLimits` allows.
   */
  | { readonly kind: 'add-member'; readonly groupId: string; readonly memberId: string; readonly addedAt: number }
  /** A no-op for what is no member. Conflicts: `missing` (the group). */
  | { readonly kind: 'remove-member'; readonly groupId: string; readonly memberId: string }
  /**
   * Enqueues a new job with its `queued` event, as `JobStore.enqueue` does. The caller publishes the hint (`hintOf`) once
   * the commit is done.
   */
  | { readonly kind: 'add-job'; readonly job: JobRecord }
  /** Numbers the event in its job's log. The job must exist. */
  | { readonly kind: 'append-event'; readonly jobId: string; readonly event: JobEventDraft };

export type Precondition =
  /** The record exists, and is not deleted before this commit is done. */
  | { readonly kind: 'exists'; readonly record: NamedKind; readonly id: string }
  /** The stored version is still this one: the decision was made on a record that has not changed since. */
  | { readonly kind: 'unchanged'; readonly record: WitnessKind; readonly id: string; readonly version: number }
  /** The counter still has this value: for what changes without raising a version. */
  | ({ readonly kind: 'counter'; readonly value: number } & CounterName)
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
    };

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

export function unchanged(record: WitnessKind, id: string, version: number): Precondition {
  return { kind: 'unchanged', record, id, version };
}

/** `value`: what the counter was when the decision was made. */
export function counterAt(name: CounterName, value: number): Precondition {
  return { kind: 'counter', ...name, value };
}

export function raise(name: CounterName): Change {
  return { kind: 'raise', ...name };
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
  | { readonly kind: 'version'; readonly record: WitnessKind; readonly id: string }
  /** The counter was raised after it was read. */
  | ({ readonly kind: 'counter' } & CounterName)
  | { readonly kind: 'fence'; readonly refusal: Refusal }
  /** `newest-artifact` is not met. */
  | { readonly kind: 'condition' }
  | { readonly kind: 'path'; readonly path: string; readonly is: 'file' | 'folder' }
  | { readonly kind: 'group-full'; readonly groupId: string };

export interface Commits {
  /** Throws only for trouble of the store itself: `unavailable`, `storage_full`, `internal` (also a commit of too many items). */
  commit(commit: Commit): Promise<CommitResult>;
}

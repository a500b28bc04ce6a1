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
 * The one way to write anything but the queue's hot verbs: a consistent read, a pure decision, then
 * these changes under these preconditions, all or nothing. On a conflict the caller reads and decides
 * again. It maps to a SQL transaction with version checks and to DynamoDB's TransactWriteItems, so it
 * holds at most 100 items.
 */
export interface Commit {
  readonly changes: readonly Change[];
  readonly preconditions: readonly Precondition[];
  readonly idempotency?: IdempotencyKey | undefined;
  /** For tests: leases and keys are compared with this time instead of the store's. */
  readonly now?: number;
}

export type Change =
  | { readonly kind: 'add-artifact'; readonly artifact: ArtifactRecord }
  /**
   * Replaces what people and retention may change of the artifact whose stored version is one less: type, title, status,
   * classes, tags, metadata, pin and purge. Where its bytes lie and where it came from stay as they were added.
   */
  | { readonly kind: 'update-artifact'; readonly artifact: ArtifactRecord }
  /** A reader who was granted before keeps the older grant. */
  | { readonly kind: 'add-grant'; readonly grant: GrantRecord }
  /** Takes a path in a job's name space, as file or folder; conflicts when it is the other kind. */
  | { readonly kind: 'take-path'; readonly jobId: string; readonly path: string; readonly as: 'file' | 'folder' }
  | { readonly kind: 'add-worker-if-absent'; readonly worker: WorkerRecord }
  | { readonly kind: 'add-credential'; readonly credential: CredentialRecord }
  /** Replaces the credential whose stored version is one less. */
  | { readonly kind: 'update-credential'; readonly credential: CredentialRecord }
  /**
   * Revokes every registration token of the worker that is not revoked yet. Of commits that do this to one worker each
   * sees what the one before added. The worker must exist.
   */
  | { readonly kind: 'revoke-registrations'; readonly workerId: string; readonly revokedAt: number }
  /** Conflicts (`exists`) when there is one of that id. */
  | { readonly kind: 'add-experiment'; readonly experiment: ExperimentRecord }
  /** Replaces name and version of the experiment whose stored version is one less. */
  | { readonly kind: 'update-experiment'; readonly experiment: ExperimentRecord }
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
  | { readonly kind: 'job-exists'; readonly jobId: string }
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
  /** Experiments are never deleted. */
  | { readonly kind: 'experiment-exists'; readonly experimentId: string }
  /** And is not deleted before this commit is done. */
  | { readonly kind: 'group-exists'; readonly groupId: string };

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
  | { readonly kind: 'job-missing'; readonly jobId: string }
  | { readonly kind: 'fence'; readonly refusal: Refusal }
  /** `newest-artifact` is not met. */
  | { readonly kind: 'condition' }
  | { readonly kind: 'path'; readonly path: string; readonly is: 'file' | 'folder' }
  /** What an update was made from has changed, or is gone. */
  | { readonly kind: 'version' }
  | { readonly kind: 'exists'; readonly id: string }
  | { readonly kind: 'experiment-missing'; readonly experimentId: string }
  | { readonly kind: 'group-missing'; readonly groupId: string }
  | { readonly kind: 'group-full'; readonly groupId: string }
  | { readonly kind: 'worker-missing'; readonly workerId: string };

export interface Commits {
  /** Throws only for trouble of the store itself: `unavailable`, `storage_full`, `internal`. */
  commit(commit: Commit): Promise<CommitResult>;
}

import type { Kysely } from 'kysely';
import type {
  ArtifactRecord,
  AuditOutcome,
  EventKind,
  EventLevel,
  JobCategory,
  JobStatus,
  UserRole,
  WorkerEnding,
} from '@proofhouse/core';
import type { BlobOwnerState } from '../../../kernel/blob-owners.ts';

/** The rows of all tables. Times are epoch ms. Lists and objects are stored as JSON text. */
export interface Database {
  jobs: JobRow;
  job_routes: JobRouteRow;
  job_events: JobEventRow;
  artifacts: ArtifactRow;
  artifact_paths: ArtifactPathRow;
  artifact_grants: ArtifactGrantRow;
  artifact_history: ArtifactHistoryRow;
  audit_entries: AuditEntryRow;
  blob_owners: BlobOwnerRow;
  storage_usage: UsageRow;
  experiments: ExperimentRow;
  groups: GroupRow;
  group_members: GroupMemberRow;
  workers: WorkerRow;
  worker_presence: PresenceRow;
  credentials: CredentialRow;
  users: UserRow;
  user_tokens: UserTokenRow;
  sessions: SessionRow;
  sign_in_codes: SignInCodeRow;
  idempotency_keys: IdempotencyRow;
  settings: SettingRow;
}

export type Queries = Kysely<Database>;

export interface AuditEntryRow {
  id: string;
  created_at: number;
  actor: string;
  broker: string | null;
  operation: string;
  target: string | null;
  outcome: AuditOutcome;
  remote: string | null;
  detail: string;
}

export interface JobRow extends JobState {
  id: string;
  type: string;
  category: JobCategory;
  route_id: string;
  priority: number;
  required_capabilities: string;
  repository: string | null;
  affinity_key: string | null;
  created_by: string;
  task_id: string | null;
  bundle_id: string | null;
  parent_job_id: string | null;
  manifest_name: string | null;
  created_at: number;
  payload: string;
}

/** The columns of a job that change while it is queued, runs and ends. */
export interface JobState {
  status: JobStatus;
  /** 1 for a claimable job (queued and not delayed), else 0. The index `jobs_ready` contains only rows with 1. */
  ready: number;
  /** The worker that holds the job. If the job does not run, the worker that held it last. */
  claimed_by: string | null;
  lease_id: string | null;
  lease_expires_at: number | null;
  next_attempt_at: number | null;
  attempt: number;
  max_attempts: number;
  result_summary: string | null;
  error_message: string | null;
  /** The worker's description of the end of the last attempt, a JSON object. */
  finish: string | null;
  /** The secrets that were found in the texts of the job, a JSON object. */
  findings: string | null;
  cancel_requested_at: number | null;
  cancel_requested_by: string | null;
  cancel_reason: string | null;
  started_at: number | null;
  attempt_started_at: number | null;
  finished_at: number | null;
  ended_by: WorkerEnding | null;
  updated_at: number;
  /** The sequence number of the job's newest event. */
  last_seq: number;
  version: number;
}

export interface JobRouteRow {
  id: string;
  type: string;
  repository: string | null;
  capabilities: string;
  /** The number of the route. Null in rows that an older version wrote. */
  number: number | null;
  /**
   * The time at which cleaning marked the route as idle, because it found no unfinished job of the route. Null for an
   * open route. A job may be added only to an open route.
   */
  idle_since: number | null;
}

export interface JobEventRow {
  job_id: string;
  seq: number;
  kind: EventKind;
  level: EventLevel;
  message: string;
  payload: string | null;
  created_at: number;
}

export interface ArtifactRow {
  id: string;
  uri: string;
  type: ArtifactRecord['type'];
  title: string;
  description: string | null;
  status: ArtifactRecord['status'];
  storage_provider: ArtifactRecord['storageProvider'];
  filename: string | null;
  content_type: string | null;
  /** The four `blob_` columns are set for content that Proofhouse stores, and null for a pointer. */
  blob_key: string | null;
  blob_sha256: string | null;
  blob_size_bytes: number | null;
  blob_fingerprint: string | null;
  /** The three `pointer_` columns are null for stored content. A pointer may have no checksum and no size. */
  pointer_uri: string | null;
  pointer_checksum: string | null;
  pointer_size_bytes: number | null;
  data_class: ArtifactRecord['dataClass'];
  visibility: ArtifactRecord['visibility'];
  source_type: ArtifactRecord['sourceType'];
  produced_by: ArtifactRecord['producedBy'];
  job_id: string | null;
  name: string | null;
  assistant_job_id: string | null;
  task_id: string | null;
  bundle_id: string | null;
  file_id: string | null;
  created_by: string;
  reviewer: string | null;
  reviewed_by: string | null;
  reviewed_at: number | null;
  reviewed_digest: string | null;
  review_note: string | null;
  previous_digest: string | null;
  findings: string | null;
  facts: string | null;
  tags: string;
  metadata: string;
  experiment_id: string | null;
  pinned_at: number | null;
  purged_at: number | null;
  version: number;
  created_at: number;
  updated_at: number;
}

export interface BlobOwnerRow {
  key: string;
  /** Kind and id of the record that refers to the blob. */
  kind: string;
  id: string;
  /** The type under which the usage counters count the blob. For an artifact it is the artifact type. */
  type: string;
  sha256: string;
  size_bytes: number;
  state: BlobOwnerState;
}

/**
 * One usage counter of a record kind and a type. There are several counters (slots), so that concurrent commits update
 * different rows. The usage of a kind and type is the sum of its counters.
 */
export interface UsageRow {
  kind: string;
  type: string;
  slot: number;
  count: number;
  size_bytes: number;
}

export interface ArtifactGrantRow {
  artifact_id: string;
  /** The id of the worker or group that may read the artifact. */
  reader: string;
  granted_by: string;
  granted_at: number;
}

export interface ArtifactHistoryRow {
  id: string;
  artifact_id: string;
  created_at: number;
  actor: string;
  decision: string;
  from_status: ArtifactRecord['status'];
  to_status: ArtifactRecord['status'];
  digest: string | null;
  note: string | null;
  /** A JSON list. Null if there is no comment. */
  comments: string | null;
}

export interface ExperimentRow {
  id: string;
  name: string | null;
  created_by: string;
  created_at: number;
  version: number;
}

export interface GroupRow {
  id: string;
  experiment_id: string;
  name: string | null;
  created_by: string;
  created_at: number;
  version: number;
  hidden_at: number | null;
}

export interface GroupMemberRow {
  group_id: string;
  member_id: string;
  experiment_id: string;
  added_at: number;
  place: number;
}

export interface ArtifactPathRow {
  job_id: string;
  path: string;
  kind: 'file' | 'folder';
}

/** Rows that are older than a migration have null in the columns that this migration added. */
export interface WorkerRow {
  id: string;
  name: string | null;
  experiment_id: string | null;
  labels: string | null;
  created_by: string | null;
  created_at: number;
  version: number;
  registration_epoch: number;
}

/** `types` and `repositories` are null if the worker has no restriction. */
export interface PresenceRow {
  worker_id: string;
  last_seen_at: number;
  capabilities: string;
  types: string | null;
  repositories: string | null;
  version: string | null;
}

export interface CredentialRow {
  id: string;
  worker_id: string;
  secret_sha256: string;
  description: string | null;
  policy: string;
  experiment_id: string | null;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
  version: number;
  registration_epoch: number | null;
}

export interface UserRow {
  id: string;
  name: string;
  email: string | null;
  role: UserRole;
  disabled_at: number | null;
  epoch: number;
  version: number;
  created_at: number;
  updated_at: number;
}

export interface UserTokenRow {
  id: string;
  user_id: string;
  sha256: string;
  description: string | null;
  /** 1 if calls with the token may name another user, else 0. */
  may_act_for: number;
  epoch: number;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  version: number;
}

/**
 * The person for whom a session or a sign-in code is valid. `user_id` and `epoch` are set for a user, and `admin_key`
 * for the admin token.
 */
export interface OwnerColumns {
  user_id: string | null;
  epoch: number | null;
  admin_key: string | null;
}

export interface SessionRow extends OwnerColumns {
  sha256: string;
  page_sha256: string;
  token_id: string | null;
  created_at: number;
  expires_at: number;
}

export interface SignInCodeRow extends OwnerColumns {
  sha256: string;
  expires_at: number;
}

export interface IdempotencyRow {
  principal: string;
  operation: string;
  key: string;
  fingerprint: string;
  /** The id of the created resource. For a claim, it is a JSON list of [job id, lease id]. */
  resource_id: string;
  expires_at: number;
}

export interface SettingRow {
  name: string;
  value: string;
}

import type { RecordBlob } from '../../../kernel/blob-owners.ts';
import type { CountedKind, RecordCounters, RecordKind, RecordKinds } from '../../../kernel/commit.ts';
import type { Database } from '../engine/schema.ts';
import {
  artifactFromRow,
  artifactToRow,
  blobsOfArtifact,
  grantFromRow,
  grantToRow,
  historyFromRow,
  historyToRow,
} from './artifact-row.ts';
import { auditEntryToRow } from './people/audit.ts';
import { credentialFromRow, credentialToRow } from './credential-row.ts';
import { experimentFromRow, experimentToRow } from './experiment-row.ts';
import { groupFromRow, groupToRow, memberToRow } from './group-row.ts';
import {
  sessionToRow,
  signInCodeToRow,
  userFromRow,
  userToRow,
  userTokenFromRow,
  userTokenToRow,
} from './people/user-row.ts';
import { workerFromRow, workerToRow } from './worker-row.ts';

/**
 * Describes how records of one kind are stored in a table. `record-statements.ts` generates every statement from this
 * description.
 */
export interface RecordTable<Value, Table extends keyof Database> {
  readonly table: Table;
  /**
   * The columns of the primary key. If preconditions can name this kind of record, the only key column must be `id`.
   */
  readonly key: readonly (keyof Database[Table] & string)[];
  readonly toRow: (value: Value) => Database[Table];
  /** Converts a row to a record. Undefined if records of this kind are never read one by one. */
  readonly fromRow?: (row: Database[Table]) => Value;
  /** The columns that an update sets, without `version`. Undefined if records of this kind are never updated. */
  readonly changeable?: readonly (keyof Database[Table] & string)[];
  /**
   * True if records of this kind are never deleted. The precondition `exists` then needs no lock, so commits that
   * require the same record run concurrently.
   */
  readonly permanent?: true;
  /**
   * Returns the blobs to which a record refers. Undefined if records of this kind have no blobs. The commit that writes
   * the record also writes the owners and usage of these blobs.
   */
  readonly blobs?: (value: Value) => readonly RecordBlob[];
  /** The column that is not null in a hidden record. Preconditions and readers treat a hidden record as absent. */
  readonly hiddenBy?: keyof Database[Table] & string;
  /** For each counter of the kind, the column that stores it. */
  readonly counters?: Readonly<Record<string, keyof Database[Table] & string>>;
}

/** An entry of `recordTables` without the types of its columns. The generic statements use it. */
export interface AnyRecordTable<Value> {
  readonly table: keyof Database;
  readonly key: readonly string[];
  readonly toRow: (value: Value) => object;
  readonly fromRow?: (row: never) => Value;
  readonly changeable?: readonly string[];
  readonly permanent?: true;
  readonly blobs?: (value: Value) => readonly RecordBlob[];
  readonly hiddenBy?: string;
  readonly counters?: Readonly<Record<string, string>>;
}

/** A kind with counters must name the column of each counter. */
type Counted<Kind> = Kind extends CountedKind
  ? { readonly counters: Readonly<Record<RecordCounters[Kind], string>> }
  : unknown;

function table<Value, Table extends keyof Database>(of: RecordTable<Value, Table>): RecordTable<Value, Table> {
  return of;
}

/** The tables of all record kinds in `kernel/commit.ts`, one entry for each kind. */
export const recordTables = {
  artifact: table({
    table: 'artifacts',
    key: ['id'],
    toRow: artifactToRow,
    fromRow: artifactFromRow,
    blobs: blobsOfArtifact,
    changeable: [
      'type',
      'title',
      'description',
      'status',
      'storage_provider',
      'filename',
      'content_type',
      'pointer_uri',
      'pointer_checksum',
      'pointer_size_bytes',
      'data_class',
      'visibility',
      'assistant_job_id',
      'task_id',
      'bundle_id',
      'file_id',
      'reviewer',
      'reviewed_by',
      'reviewed_at',
      'reviewed_digest',
      'review_note',
      'previous_digest',
      'findings',
      'facts',
      'tags',
      'metadata',
      'pinned_at',
      'purged_at',
      'updated_at',
    ],
  }),
  'artifact-history': table({
    table: 'artifact_history',
    key: ['id'],
    toRow: historyToRow,
    fromRow: historyFromRow,
    permanent: true,
  }),
  'audit-entry': table({
    table: 'audit_entries',
    key: ['id'],
    toRow: auditEntryToRow,
    permanent: true,
  }),
  credential: table({
    table: 'credentials',
    key: ['id'],
    toRow: credentialToRow,
    fromRow: credentialFromRow,
    changeable: ['description', 'policy', 'expires_at', 'revoked_at'],
  }),
  experiment: table({
    table: 'experiments',
    key: ['id'],
    toRow: experimentToRow,
    fromRow: experimentFromRow,
    changeable: ['name'],
    permanent: true,
  }),
  grant: table({
    table: 'artifact_grants',
    key: ['artifact_id', 'reader'],
    toRow: grantToRow,
    fromRow: grantFromRow,
  }),
  group: table({
    table: 'groups',
    key: ['id'],
    toRow: groupToRow,
    fromRow: groupFromRow,
    changeable: ['name', 'hidden_at'],
    hiddenBy: 'hidden_at',
  }),
  member: table({
    table: 'group_members',
    key: ['group_id', 'member_id'],
    toRow: memberToRow,
  }),
  session: table({
    table: 'sessions',
    key: ['sha256', 'page_sha256'],
    toRow: sessionToRow,
  }),
  'sign-in-code': table({
    table: 'sign_in_codes',
    key: ['sha256'],
    toRow: signInCodeToRow,
  }),
  user: table({
    table: 'users',
    key: ['id'],
    toRow: userToRow,
    fromRow: userFromRow,
    changeable: ['name', 'email', 'role', 'disabled_at', 'epoch', 'updated_at'],
    permanent: true,
  }),
  'user-token': table({
    table: 'user_tokens',
    key: ['id'],
    toRow: userTokenToRow,
    fromRow: userTokenFromRow,
    changeable: ['revoked_at'],
  }),
  worker: {
    ...table({
      table: 'workers',
      key: ['id'],
      toRow: workerToRow,
      fromRow: workerFromRow,
      changeable: ['name', 'labels'],
    }),
    counters: { registrationEpoch: 'registration_epoch' },
  },
} satisfies { readonly [Kind in RecordKind]: AnyRecordTable<RecordKinds[Kind]> & Counted<Kind> };

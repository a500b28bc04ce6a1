import type { ArtifactRecord, GrantRecord } from '@proofhouse/core';
import type { Conflict } from '../../../kernel/commit.ts';
import { artifactToRow } from './artifact-row.ts';
import type { ArtifactGrantRow, ArtifactRow } from '../engine/schema.ts';
import { placeholdersOf, statement } from '../engine/statement.ts';
import { put, run, type Verb } from '../engine/verb.ts';

/** What people and retention may change. */
const changeable = [
  'type',
  'title',
  'status',
  'data_class',
  'visibility',
  'tags',
  'metadata',
  'pinned_at',
  'purged_at',
  'version',
  'updated_at',
] as const satisfies (keyof ArtifactRow)[];

const columns = [
  ...changeable,
  'id',
  'uri',
  'storage_provider',
  'filename',
  'content_type',
  'blob_key',
  'blob_sha256',
  'blob_size_bytes',
  'blob_fingerprint',
  'source_type',
  'job_id',
  'name',
  'experiment_id',
  'created_by',
  'created_at',
] as const satisfies (keyof ArtifactRow)[];

const insertArtifact = statement<ArtifactRow>()((db, p) =>
  db.insertInto('artifacts').values(placeholdersOf<ArtifactRow, keyof ArtifactRow>(p, columns)),
);

const updateArtifactRow = statement<ArtifactRow & { before: number }>()((db, p) =>
  db
    .updateTable('artifacts')
    .set(placeholdersOf<ArtifactRow, (typeof changeable)[number]>(p, changeable))
    .where('id', '=', p.id)
    .where('version', '=', p.before),
);

const insertGrant = statement<ArtifactGrantRow>()((db, p) =>
  db
    .insertInto('artifact_grants')
    .values({ artifact_id: p.artifact_id, reader: p.reader, granted_by: p.granted_by, granted_at: p.granted_at })
    .onConflict((on) => on.columns(['artifact_id', 'reader']).doNothing()),
);

export function* addArtifact(artifact: ArtifactRecord): Verb<undefined> {
  yield* put(insertArtifact, artifactToRow(artifact));
  return undefined;
}

export function* updateArtifact(artifact: ArtifactRecord): Verb<Conflict | undefined> {
  const row = artifactToRow(artifact);
  const changed = yield* run(updateArtifactRow, { ...row, before: row.version - 1 });
  return changed === 1 ? undefined : { kind: 'version' };
}

export function* addGrant({ artifactId, reader, grantedBy, grantedAt }: GrantRecord): Verb<undefined> {
  yield* put(insertGrant, { artifact_id: artifactId, reader, granted_by: grantedBy, granted_at: grantedAt });
  return undefined;
}

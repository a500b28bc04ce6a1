import type { ArtifactRecord, GrantRecord } from '@proofhouse/core';
import type { ArtifactGrantRow, ArtifactRow } from '../engine/schema.ts';

export function artifactFromRow(row: ArtifactRow): ArtifactRecord {
  return {
    id: row.id,
    uri: row.uri,
    type: row.type,
    title: row.title,
    status: row.status,
    storageProvider: row.storage_provider,
    filename: row.filename,
    contentType: row.content_type,
    blob: {
      key: row.blob_key,
      sha256: row.blob_sha256,
      sizeBytes: row.blob_size_bytes,
      fingerprint: row.blob_fingerprint,
    },
    dataClass: row.data_class,
    visibility: row.visibility,
    sourceType: row.source_type,
    jobId: row.job_id,
    name: row.name,
    experimentId: row.experiment_id,
    createdBy: row.created_by,
    tags: JSON.parse(row.tags) as string[],
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    pinnedAt: row.pinned_at,
    purgedAt: row.purged_at,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function artifactToRow(artifact: ArtifactRecord): ArtifactRow {
  return {
    id: artifact.id,
    uri: artifact.uri,
    type: artifact.type,
    title: artifact.title,
    status: artifact.status,
    storage_provider: artifact.storageProvider,
    filename: artifact.filename,
    content_type: artifact.contentType,
    blob_key: artifact.blob.key,
    blob_sha256: artifact.blob.sha256,
    blob_size_bytes: artifact.blob.sizeBytes,
    blob_fingerprint: artifact.blob.fingerprint,
    data_class: artifact.dataClass,
    visibility: artifact.visibility,
    source_type: artifact.sourceType,
    job_id: artifact.jobId,
    name: artifact.name,
    experiment_id: artifact.experimentId,
    created_by: artifact.createdBy,
    tags: JSON.stringify(artifact.tags),
    metadata: JSON.stringify(artifact.metadata),
    pinned_at: artifact.pinnedAt,
    purged_at: artifact.purgedAt,
    version: artifact.version,
    created_at: artifact.createdAt,
    updated_at: artifact.updatedAt,
  };
}

export function grantFromRow(row: ArtifactGrantRow): GrantRecord {
  return { artifactId: row.artifact_id, reader: row.reader, grantedBy: row.granted_by, grantedAt: row.granted_at };
}

export function grantToRow({ artifactId, reader, grantedBy, grantedAt }: GrantRecord): ArtifactGrantRow {
  return { artifact_id: artifactId, reader, granted_by: grantedBy, granted_at: grantedAt };
}

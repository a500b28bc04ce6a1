import type {
  ArtifactContent,
  ArtifactRecord,
  GrantRecord,
  HistoryRecord,
  ReviewComment,
  SecretFindings,
} from '@proofhouse/core';
import type { RecordBlob } from '../../../kernel/blob-owners.ts';
import type { ArtifactGrantRow, ArtifactHistoryRow, ArtifactRow } from '../engine/schema.ts';

export function artifactFromRow(row: ArtifactRow): ArtifactRecord {
  return {
    id: row.id,
    uri: row.uri,
    type: row.type,
    title: row.title,
    description: row.description,
    status: row.status,
    storageProvider: row.storage_provider,
    filename: row.filename,
    contentType: row.content_type,
    content: contentFromRow(row),
    dataClass: row.data_class,
    visibility: row.visibility,
    sourceType: row.source_type,
    producedBy: row.produced_by,
    jobId: row.job_id,
    name: row.name,
    assistantJobId: row.assistant_job_id,
    taskId: row.task_id,
    bundleId: row.bundle_id,
    fileId: row.file_id,
    experimentId: row.experiment_id,
    createdBy: row.created_by,
    reviewer: row.reviewer,
    reviewedBy: row.reviewed_by,
    reviewedAt: row.reviewed_at,
    reviewedDigest: row.reviewed_digest,
    reviewNote: row.review_note,
    previousDigest: row.previous_digest,
    findings: objectFrom(row.findings) as SecretFindings | null,
    facts: objectFrom(row.facts),
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
    description: artifact.description,
    status: artifact.status,
    storage_provider: artifact.storageProvider,
    filename: artifact.filename,
    content_type: artifact.contentType,
    ...contentToRow(artifact.content),
    data_class: artifact.dataClass,
    visibility: artifact.visibility,
    source_type: artifact.sourceType,
    produced_by: artifact.producedBy,
    job_id: artifact.jobId,
    name: artifact.name,
    assistant_job_id: artifact.assistantJobId,
    task_id: artifact.taskId,
    bundle_id: artifact.bundleId,
    file_id: artifact.fileId,
    experiment_id: artifact.experimentId,
    created_by: artifact.createdBy,
    reviewer: artifact.reviewer,
    reviewed_by: artifact.reviewedBy,
    reviewed_at: artifact.reviewedAt,
    reviewed_digest: artifact.reviewedDigest,
    review_note: artifact.reviewNote,
    previous_digest: artifact.previousDigest,
    findings: artifact.findings === null ? null : JSON.stringify(artifact.findings),
    facts: artifact.facts === null ? null : JSON.stringify(artifact.facts),
    tags: JSON.stringify(artifact.tags),
    metadata: JSON.stringify(artifact.metadata),
    pinned_at: artifact.pinnedAt,
    purged_at: artifact.purgedAt,
    version: artifact.version,
    created_at: artifact.createdAt,
    updated_at: artifact.updatedAt,
  };
}

/** Returns the blob of an artifact. The blob of a purged artifact is `released`. A pointer has no blob. */
export function blobsOfArtifact({ content, type, purgedAt }: ArtifactRecord): RecordBlob[] {
  if (content.kind === 'pointer') return [];
  const { key, sha256, sizeBytes } = content.blob;
  return [{ key, type, sha256, sizeBytes, state: purgedAt === null ? 'owned' : 'released' }];
}

export function grantFromRow(row: ArtifactGrantRow): GrantRecord {
  return { artifactId: row.artifact_id, reader: row.reader, grantedBy: row.granted_by, grantedAt: row.granted_at };
}

export function grantToRow({ artifactId, reader, grantedBy, grantedAt }: GrantRecord): ArtifactGrantRow {
  return { artifact_id: artifactId, reader, granted_by: grantedBy, granted_at: grantedAt };
}

export function historyFromRow(row: ArtifactHistoryRow): HistoryRecord {
  return {
    id: row.id,
    artifactId: row.artifact_id,
    at: row.created_at,
    actor: row.actor,
    decision: row.decision,
    from: row.from_status,
    to: row.to_status,
    digest: row.digest,
    note: row.note,
    comments: row.comments === null ? null : (JSON.parse(row.comments) as ReviewComment[]),
  };
}

export function historyToRow(entry: HistoryRecord): ArtifactHistoryRow {
  return {
    id: entry.id,
    artifact_id: entry.artifactId,
    created_at: entry.at,
    actor: entry.actor,
    decision: entry.decision,
    from_status: entry.from,
    to_status: entry.to,
    digest: entry.digest,
    note: entry.note,
    comments: entry.comments === null ? null : JSON.stringify(entry.comments),
  };
}

type OwnedColumns = 'blob_key' | 'blob_sha256' | 'blob_size_bytes' | 'blob_fingerprint';
type PointerColumns = 'pointer_uri' | 'pointer_checksum' | 'pointer_size_bytes';

/**
 * Returns the content of an artifact: stored bytes or a pointer. The check constraint `artifacts_content` ensures that
 * a row has the columns of exactly one of them.
 */
function contentFromRow(row: Pick<ArtifactRow, OwnedColumns | PointerColumns>): ArtifactContent {
  if (row.pointer_uri !== null) {
    return {
      kind: 'pointer',
      uri: row.pointer_uri,
      checksum: row.pointer_checksum,
      sizeBytes: row.pointer_size_bytes,
    };
  }
  const blob = {
    key: row.blob_key ?? '',
    sha256: row.blob_sha256 ?? '',
    sizeBytes: row.blob_size_bytes ?? 0,
    fingerprint: row.blob_fingerprint ?? '',
  };
  return { kind: 'owned', blob };
}

function contentToRow(content: ArtifactContent): Pick<ArtifactRow, OwnedColumns | PointerColumns> {
  const isOwned = content.kind === 'owned';
  return {
    blob_key: isOwned ? content.blob.key : null,
    blob_sha256: isOwned ? content.blob.sha256 : null,
    blob_size_bytes: isOwned ? content.blob.sizeBytes : null,
    blob_fingerprint: isOwned ? content.blob.fingerprint : null,
    pointer_uri: isOwned ? null : content.uri,
    pointer_checksum: isOwned ? null : content.checksum,
    pointer_size_bytes: isOwned ? null : content.sizeBytes,
  };
}

function objectFrom(json: string | null): Readonly<Record<string, unknown>> | null {
  return json === null ? null : (JSON.parse(json) as Record<string, unknown>);
}

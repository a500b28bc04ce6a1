import type { ArtifactRecord } from '../artifacts/artifact.ts';
import { jobMadeAt } from './job-record.ts';

/** Returns a new registered artifact for tests. The fields in `over` replace its default fields. */
export function registeredArtifact(over: Partial<ArtifactRecord> = {}): ArtifactRecord {
  const createdAt = over.createdAt ?? jobMadeAt;
  return {
    id: '00000000-0000-7000-8000-000000000002',
    uri: 'proofhouse://artifacts/token',
    type: 'external-link',
    title: 'Episode 12',
    description: null,
    status: 'draft',
    storageProvider: 'external-url',
    filename: null,
    contentType: null,
    content: {
      kind: 'pointer',
      uri: 'https://h.example/a',
      checksum: `sha256:${'ab'.repeat(32)}`,
      sizeBytes: null,
    },
    dataClass: 'internal',
    visibility: 'internal',
    sourceType: 'manual-link',
    producedBy: 'person',
    jobId: null,
    name: null,
    assistantJobId: null,
    taskId: null,
    bundleId: null,
    fileId: null,
    experimentId: null,
    createdBy: 'admin',
    reviewer: null,
    reviewedBy: null,
    reviewedAt: null,
    reviewedDigest: null,
    reviewNote: null,
    previousDigest: null,
    findings: null,
    facts: null,
    tags: [],
    metadata: {},
    pinnedAt: null,
    purgedAt: null,
    version: 1,
    createdAt,
    updatedAt: createdAt,
    ...over,
  };
}

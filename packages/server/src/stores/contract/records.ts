import {
  ownedBlob,
  type ArtifactRecord,
  type CredentialRecord,
  type JobRecord,
  type SessionRecord,
  type UserRecord,
  type UserTokenRecord,
  type WorkerRecord,
} from '@proofhouse/core';
import { jobMadeAt, queuedJob } from '@proofhouse/core/testing';
import type { BlobOwner } from '../../kernel/blob-owners.ts';
import type { ClaimRequest } from '../../jobs/job-store.ts';
import type { Commit, IdempotencyKey } from '../../kernel/commit.ts';
import type { MetadataStore } from '../metadata-store.ts';

/** The time at which the contract tests begin, epoch ms. */
export const start = jobMadeAt;

let made = 0;

/** Returns a new id. Ids sort in the order in which this function returned them. */
export function newId(): string {
  made += 1;
  return `00000000-0000-7000-8000-${String(made).padStart(12, '0')}`;
}

export function newJob(over: Partial<JobRecord> = {}): JobRecord {
  return queuedJob({ id: newId(), ...over });
}

export function claimBy(workerId: string, over: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    workerId,
    types: undefined,
    repositories: undefined,
    capabilities: [],
    leaseMs: 60_000,
    leaseIds: [`lease-${newId()}`],
    now: start,
    ...over,
  };
}

/** Claims jobs, and returns their ids in claim order. */
export async function claimIds(store: MetadataStore, ...args: Parameters<typeof claimBy>): Promise<string[]> {
  const claimed = await store.jobs.claim(claimBy(...args));
  if (claimed.outcome === 'conflict') throw new Error('conflict');
  return claimed.jobs.map((job) => job.id);
}

export function key(over: Partial<IdempotencyKey> = {}): IdempotencyKey {
  const { principal = 'admin', operation = 'createJob' } = over;
  return { principal, operation, key: 'k', fingerprint: 'f', resourceId: 'r', expiresAt: start + 86_400_000, ...over };
}

export function newArtifact(over: Partial<ArtifactRecord> = {}): ArtifactRecord {
  const id = newId();
  const createdAt = over.createdAt ?? start;
  return {
    id,
    uri: `proofhouse://artifacts/${id}`,
    type: 'other',
    title: 'An artifact',
    description: null,
    status: 'draft',
    storageProvider: 'filesystem',
    filename: null,
    contentType: 'application/octet-stream',
    content: {
      kind: 'owned',
      blob: { key: `blob-${id}`, sha256: 'ab'.repeat(32), sizeBytes: 2 ** 40 + 1, fingerprint: 'f1' },
    },
    dataClass: 'internal',
    visibility: 'internal',
    sourceType: 'manual-upload',
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

/** Returns the row of `blob_owners` that the commit of this artifact writes. */
export function ownerOf(artifact: ArtifactRecord): BlobOwner {
  const { key, sha256, sizeBytes } = ownedBlob(artifact);
  const state = artifact.purgedAt === null ? 'owned' : 'released';
  return { key, kind: 'artifact', id: artifact.id, type: artifact.type, sha256, sizeBytes, state };
}

export function newCredential(over: Partial<CredentialRecord> = {}): CredentialRecord {
  const id = newId();
  return {
    id,
    workerId: 'w1',
    secretSha256: `secret-of-${id}`,
    description: null,
    policy: {},
    experimentId: null,
    registrationEpoch: null,
    createdBy: 'admin',
    createdAt: start,
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    version: 1,
    ...over,
  };
}

export function commitOf(changes: Commit['changes'], over: Partial<Commit> = {}): Commit {
  return { changes, preconditions: [], now: start, ...over };
}

export function newWorker(over: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    id: newId(),
    name: null,
    experimentId: null,
    labels: {},
    createdBy: 'admin',
    createdAt: start,
    version: 1,
    registrationEpoch: 1,
    ...over,
  };
}

export function newUser(over: Partial<UserRecord> = {}): UserRecord {
  return {
    id: newId(),
    name: 'Ada',
    email: null,
    role: 'operator',
    disabledAt: null,
    epoch: 1,
    version: 1,
    createdAt: start,
    updatedAt: start,
    ...over,
  };
}

export function newUserToken(over: Partial<UserTokenRecord> = {}): UserTokenRecord {
  const id = newId();
  return {
    id,
    userId: 'u1',
    sha256: `secret-of-${id}`,
    description: null,
    mayActFor: false,
    epoch: 1,
    createdBy: 'admin',
    createdAt: start,
    expiresAt: null,
    revokedAt: null,
    version: 1,
    ...over,
  };
}

/** Returns a session of the admin token. */
export function newSession(over: Partial<SessionRecord> = {}): SessionRecord {
  return {
    sha256: `cookie-of-${newId()}`,
    pageSecretSha256: `page-of-${newId()}`,
    owner: { kind: 'admin', adminKey: 'key' },
    tokenId: null,
    createdAt: start,
    expiresAt: start + 1000,
    ...over,
  };
}

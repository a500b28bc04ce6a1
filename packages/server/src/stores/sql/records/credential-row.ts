import type { CredentialRecord, WorkerPolicy } from '@proofhouse/core';
import type { CredentialRow } from '../engine/schema.ts';

export function credentialFromRow(row: CredentialRow): CredentialRecord {
  return {
    id: row.id,
    workerId: row.worker_id,
    secretSha256: row.secret_sha256,
    description: row.description,
    policy: JSON.parse(row.policy) as WorkerPolicy,
    experimentId: row.experiment_id,
    registrationEpoch: row.registration_epoch,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    version: row.version,
  };
}

export function credentialToRow(credential: CredentialRecord): CredentialRow {
  return {
    id: credential.id,
    worker_id: credential.workerId,
    secret_sha256: credential.secretSha256,
    description: credential.description,
    policy: JSON.stringify(credential.policy),
    experiment_id: credential.experimentId,
    registration_epoch: credential.registrationEpoch,
    created_by: credential.createdBy,
    created_at: credential.createdAt,
    expires_at: credential.expiresAt,
    revoked_at: credential.revokedAt,
    last_used_at: credential.lastUsedAt,
    version: credential.version,
  };
}

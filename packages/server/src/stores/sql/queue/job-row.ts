import type { JobEventDraft, JobEventRecord, JobFinish, JobRecord, SecretFindings } from '@proofhouse/core';
import type { JobEventRow, JobRow, JobState } from '../engine/schema.ts';

export function jobFromRow(row: JobRow): JobRecord {
  return {
    id: row.id,
    type: row.type,
    category: row.category,
    status: row.status,
    priority: row.priority,
    payload: JSON.parse(row.payload) as JobRecord['payload'],
    requiredCapabilities: JSON.parse(row.required_capabilities) as string[],
    repository: row.repository,
    affinityKey: row.affinity_key,
    createdBy: row.created_by,
    taskId: row.task_id,
    bundleId: row.bundle_id,
    parentJobId: row.parent_job_id,
    manifestName: row.manifest_name,
    lastClaimedBy: row.claimed_by,
    leaseId: row.lease_id,
    leaseExpiresAt: row.lease_expires_at,
    nextAttemptAt: row.next_attempt_at,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    resultSummary: row.result_summary,
    errorMessage: row.error_message,
    finish: row.finish === null ? null : (JSON.parse(row.finish) as JobFinish),
    findings: row.findings === null ? null : (JSON.parse(row.findings) as SecretFindings),
    cancelRequestedAt: row.cancel_requested_at,
    cancelRequestedBy: row.cancel_requested_by,
    cancelReason: row.cancel_reason,
    startedAt: row.started_at,
    attemptStartedAt: row.attempt_started_at,
    finishedAt: row.finished_at,
    endedBy: row.ended_by,
    lastSeq: row.last_seq,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function jobToRow(job: JobRecord, routeId: string, now: number): JobRow {
  return {
    ...jobState(job, now),
    id: job.id,
    type: job.type,
    category: job.category,
    route_id: routeId,
    priority: job.priority,
    required_capabilities: JSON.stringify(job.requiredCapabilities),
    repository: job.repository,
    affinity_key: job.affinityKey,
    created_by: job.createdBy,
    task_id: job.taskId,
    bundle_id: job.bundleId,
    parent_job_id: job.parentJobId,
    manifest_name: job.manifestName,
    created_at: job.createdAt,
    payload: JSON.stringify(job.payload),
  };
}

export function jobState(job: JobRecord, now: number): JobState {
  const due = job.nextAttemptAt === null || job.nextAttemptAt <= now;
  return {
    status: job.status,
    ready: job.status === 'queued' && due ? 1 : 0,
    claimed_by: job.lastClaimedBy,
    lease_id: job.leaseId,
    lease_expires_at: job.leaseExpiresAt,
    next_attempt_at: job.nextAttemptAt,
    attempt: job.attempt,
    max_attempts: job.maxAttempts,
    result_summary: job.resultSummary,
    error_message: job.errorMessage,
    finish: job.finish === null ? null : JSON.stringify(job.finish),
    findings: findingsToRow(job.findings),
    cancel_requested_at: job.cancelRequestedAt,
    cancel_requested_by: job.cancelRequestedBy,
    cancel_reason: job.cancelReason,
    started_at: job.startedAt,
    attempt_started_at: job.attemptStartedAt,
    finished_at: job.finishedAt,
    ended_by: job.endedBy,
    updated_at: job.updatedAt,
    last_seq: job.lastSeq,
    version: job.version,
  };
}

export function findingsToRow(findings: SecretFindings | null): string | null {
  return findings === null ? null : JSON.stringify(findings);
}

export function eventFromRow(row: JobEventRow): JobEventRecord {
  return {
    jobId: row.job_id,
    seq: row.seq,
    kind: row.kind,
    level: row.level,
    message: row.message,
    ...(row.payload === null ? {} : { payload: JSON.parse(row.payload) as Record<string, unknown> }),
    createdAt: row.created_at,
  };
}

export function eventToRow(jobId: string, seq: number, event: JobEventDraft, now: number): JobEventRow {
  const payload = event.payload === undefined ? null : JSON.stringify(event.payload);
  return { job_id: jobId, seq, kind: event.kind, level: event.level, message: event.message, payload, created_at: now };
}

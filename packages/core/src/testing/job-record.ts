import { builtInJobTypes } from '../queue/job-types.ts';
import type { JobRecord } from '../queue/job.ts';

/** Default creation time of a job in tests, in epoch milliseconds. */
export const jobMadeAt = Date.UTC(2026, 0, 1);

/** Returns a new claimable job for tests. The fields in `over` replace its default fields. */
export function queuedJob(over: Partial<JobRecord> = {}): JobRecord {
  const createdAt = over.createdAt ?? jobMadeAt;
  return {
    id: '00000000-0000-7000-8000-000000000001',
    type: 'task',
    category: builtInJobTypes.find(({ name }) => name === over.type)?.category ?? 'work',
    status: 'queued',
    priority: 0,
    payload: {},
    requiredCapabilities: [],
    repository: null,
    affinityKey: null,
    createdBy: 'admin',
    taskId: null,
    bundleId: null,
    parentJobId: null,
    manifestName: null,
    lastClaimedBy: null,
    leaseId: null,
    leaseExpiresAt: null,
    nextAttemptAt: null,
    attempt: 1,
    maxAttempts: 3,
    resultSummary: null,
    errorMessage: null,
    finish: null,
    findings: null,
    cancelRequestedAt: null,
    cancelRequestedBy: null,
    cancelReason: null,
    startedAt: null,
    attemptStartedAt: null,
    finishedAt: null,
    endedBy: null,
    lastSeq: 1,
    version: 1,
    createdAt,
    updatedAt: createdAt,
    ...over,
  };
}

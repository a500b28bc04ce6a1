import { builtInJobTypes } from '../queue/job-types.ts';
import { newJobState, type JobRecord } from '../queue/job.ts';

/** Default creation time of a job in tests, in epoch milliseconds. */
export const jobMadeAt = Date.UTC(2026, 0, 1);

/** Returns a new claimable job for tests. The fields in `over` replace its default fields. */
export function queuedJob(over: Partial<JobRecord> = {}): JobRecord {
  const createdAt = over.createdAt ?? jobMadeAt;
  return {
    ...newJobState,
    id: '00000000-0000-7000-8000-000000000001',
    type: 'task',
    category: builtInJobTypes.find(({ name }) => name === over.type)?.category ?? 'work',
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
    maxAttempts: 3,
    createdAt,
    updatedAt: createdAt,
    ...over,
  };
}

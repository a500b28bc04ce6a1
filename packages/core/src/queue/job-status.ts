export const jobStatuses = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead_letter'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Statuses that end a job. Only an operator's retry leaves one. */
export const finalStatuses: readonly JobStatus[] = ['succeeded', 'failed', 'cancelled', 'dead_letter'];

export const jobStatuses = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead_letter'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Statuses of ended jobs. Only a retry by an operator changes such a status. */
export const finalStatuses: readonly JobStatus[] = ['succeeded', 'failed', 'cancelled', 'dead_letter'];

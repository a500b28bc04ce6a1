export const jobStatuses = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead_letter'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Statuses of ended jobs. A job leaves such a status only by a retry of an operator. */
export const finalStatuses: readonly JobStatus[] = ['succeeded', 'failed', 'cancelled', 'dead_letter'];

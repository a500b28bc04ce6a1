import { z } from 'zod';
import type { Operation } from '../operation.ts';
import { jobParams, leaseErrors, operation, page } from '../operation-row.ts';
import { cursorSchema, limitSchema } from '../values/wire-values.ts';
import { appendEventsSchema, eventCursorSchema, jobEventSchema, jobHintSchema } from './job-event.ts';
import { jobStatuses } from './job-status.ts';
import { builtInJobTypes, jobCategories } from './job-types.ts';
import { whySchema } from './job-why.ts';
import {
  ackSchema,
  cancelSchema,
  claimedSchema,
  claimSchema,
  completeBatchResultSchema,
  completeBatchSchema,
  completeSchema,
  createJobSchema,
  createJobsResultSchema,
  createJobsSchema,
  failSchema,
  heartbeatSchema,
  jobSchema,
} from './job.ts';

const jobTypeErrors = builtInJobTypes.flatMap(({ errors }) => errors);

/** Operations on jobs and their events. */
export const queueOperations = {
  createJob: operation({
    method: 'POST',
    path: '/api/queue/jobs',
    request: 'json',
    status: 201,
    repeatStatus: 200,
    action: 'job.create',
    repeatable: 'by-key',
    summary: 'Put a job into the queue',
    description:
      'A repeated idempotency key answers 200 with the first job. (`idempotencyKey` is the header once more.)',
    body: createJobSchema,
    output: jobSchema,
    mcp: {
      tool: 'queue_enqueue',
      description:
        'Put a job into the queue for a worker. Give an idempotencyKey to be able to repeat the call without a second job.',
    },
    errors: ['worker_not_authorized', 'secret_found', 'idempotency_conflict', ...jobTypeErrors],
  }),
  createJobs: operation({
    method: 'POST',
    path: '/api/queue/jobs/batch',
    request: 'json',
    status: 201,
    repeatStatus: 200,
    action: 'job.create',
    repeatable: 'by-key',
    summary: 'Put up to 100 jobs into the queue in one commit: all of them or none',
    description:
      'Results come in the order of `items`. Errors name the item, such as `items.3.type`. A key in the header is for the batch; an item may carry its own `idempotencyKey`. 200 when every job had been made before. The body is at most 1 MiB.',
    body: createJobsSchema,
    output: createJobsResultSchema,
    errors: ['worker_not_authorized', 'secret_found', 'idempotency_conflict', ...jobTypeErrors],
  }),
  listJobs: operation({
    method: 'GET',
    path: '/api/queue/jobs',
    action: 'job.list',
    summary: 'List jobs, newest first',
    query: z.strictObject({
      status: z.enum(jobStatuses).optional(),
      type: z.string().optional(),
      category: z.enum(jobCategories).optional(),
      limit: limitSchema(200, 50),
      cursor: cursorSchema,
    }),
    output: page(jobSchema).extend({
      only: z.literal('own').optional().meta({
        description: 'Present when the caller is a worker: the list has only jobs that it holds or made.',
      }),
    }),
    mcp: {
      tool: 'queue_list',
      description: 'List jobs, newest first, by status, type or category; nextCursor gives the next page.',
    },
    errors: ['invalid_cursor'],
  }),
  getJob: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}',
    action: 'job.read',
    summary: 'Read a job',
    params: jobParams,
    output: jobSchema,
    mcp: { tool: 'queue_get', description: 'Read one job: its status, payload, attempts and outcome.' },
    errors: ['job_not_found'],
  }),
  claimJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/claim',
    request: 'json',
    action: 'job.claim',
    repeatable: 'by-key',
    summary: 'Claim the next eligible job',
    description:
      'Waits up to `waitSeconds` for one; `{"job": null}` when there is none. With `maxJobs`, `{"jobs": […]}`.',
    body: claimSchema,
    output: claimedSchema,
    mcp: {
      tool: 'queue_claim',
      description:
        'Take the next job you may do. {"job": null} means there is none; waitSeconds waits for one. Keep the leaseId: every other call on the job takes it, and the job is yours until leaseExpiresAt.',
    },
    errors: ['worker_not_authorized', 'secret_found', 'idempotency_conflict'],
  }),
  heartbeatJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/heartbeat',
    request: 'json',
    action: 'job.work',
    lease: true,
    repeatable: 'by-lease',
    summary: 'Renew the lease to now plus leaseSeconds',
    params: jobParams,
    body: heartbeatSchema,
    output: jobSchema,
    mcp: {
      tool: 'queue_heartbeat',
      description:
        'Keep a held job: its lease then ends leaseSeconds from now. Stop working when the answer has cancelRequestedAt.',
    },
    errors: ['worker_not_authorized', ...leaseErrors, 'job_ownership_mismatch', 'secret_found'],
  }),
  completeJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/complete',
    request: 'json',
    action: 'job.work',
    lease: true,
    repeatable: 'by-lease',
    summary: 'End a held job as succeeded',
    params: jobParams,
    body: completeSchema,
    output: jobSchema,
    mcp: {
      tool: 'queue_complete',
      description: 'End a held job as succeeded. Upload its artifacts before.',
      needsLease: true,
    },
    errors: ['worker_not_authorized', ...leaseErrors, 'job_ownership_mismatch', 'secret_found'],
  }),
  failJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/fail',
    request: 'json',
    action: 'job.work',
    lease: true,
    repeatable: 'by-lease',
    summary: 'End the attempt as failed, for good or to be retried',
    params: jobParams,
    body: failSchema,
    output: jobSchema,
    mcp: {
      tool: 'queue_fail',
      description: 'End the attempt as failed. With retryable the job comes back later, while attempts are left.',
      needsLease: true,
    },
    errors: ['worker_not_authorized', ...leaseErrors, 'job_ownership_mismatch', 'secret_found'],
  }),
  completeJobs: operation({
    method: 'POST',
    path: '/api/queue/jobs/complete-batch',
    request: 'json',
    action: 'job.work',
    // Repeatable because each item of the request contains the lease id of its job.
    repeatable: 'by-lease',
    summary: 'End many held jobs as succeeded; each by itself',
    body: completeBatchSchema,
    output: completeBatchResultSchema,
    errors: ['worker_not_authorized'],
  }),
  cancelJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/cancel',
    request: 'json',
    action: 'job.decide',
    // Repeatable because a second cancellation has no further effect. The job keeps the reason of the first one.
    repeatable: 'by-nature',
    summary: 'Cancel a queued job, or ask the holder of a running one to stop',
    params: jobParams,
    body: cancelSchema,
    output: jobSchema,
    mcp: {
      tool: 'queue_cancel',
      description: 'Cancel a queued job at once, or ask the holder of a running one to stop.',
      destructive: true,
    },
    errors: ['job_not_found', 'job_state_conflict', 'secret_found'],
  }),
  ackCancel: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/cancel/ack',
    request: 'json',
    action: 'job.work',
    lease: true,
    repeatable: 'by-lease',
    summary: 'End a held job as cancelled, as was asked',
    params: jobParams,
    body: ackSchema,
    output: jobSchema,
    errors: ['worker_not_authorized', ...leaseErrors, 'job_ownership_mismatch', 'secret_found'],
  }),
  retryJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/retry',
    request: 'json',
    action: 'job.decide',
    summary: 'Put a failed or dead-lettered job back into the queue',
    params: jobParams,
    output: jobSchema,
    mcp: { tool: 'queue_retry', description: 'Put a failed or dead-lettered job back into the queue.' },
    errors: ['job_not_found', 'job_state_conflict'],
  }),
  explainJob: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/why',
    action: 'job.explain',
    summary: 'Why a job waits, and which workers nearly match',
    params: jobParams,
    output: whySchema,
    mcp: {
      tool: 'queue_why',
      description: 'Say why a job waits: what no worker offers, its delay, its place, which workers nearly match.',
    },
    errors: ['job_not_found'],
  }),
  appendEvents: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/events',
    request: 'json',
    status: 201,
    repeatStatus: 200,
    action: 'job.work',
    lease: true,
    repeatable: 'by-key',
    summary: 'Write one event, or up to 100, into the log of a held job',
    description: 'The worker whose call ended a job may write events for 60 s after its end.',
    params: jobParams,
    body: appendEventsSchema,
    output: z.object({ events: z.array(jobEventSchema) }),
    mcp: {
      tool: 'queue_note',
      description:
        'Write a milestone into the log of a held job, for the people who follow it. Output goes into artifacts.',
      needsLease: true,
    },
    errors: ['worker_not_authorized', ...leaseErrors, 'job_ownership_mismatch', 'secret_found', 'idempotency_conflict'],
  }),
  listEvents: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/events',
    action: 'job.read',
    summary: 'Read the log of a job, oldest first or newest first',
    description:
      'Poll with `after` set to the `nextCursor` of the answer before; null once a final job is read to its end. With `sort=desc` newest first: go on with `before` set to the `nextCursor`; null at the oldest event.',
    params: jobParams,
    query: z.strictObject({
      after: eventCursorSchema,
      before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional().meta({
        description: 'Only events with a smaller number.',
      }),
      sort: z.enum(['asc', 'desc']).default('asc'),
      limit: limitSchema(500, 100),
    }),
    output: page(jobEventSchema),
    errors: ['job_not_found'],
  }),
  streamEvents: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/events/stream',
    response: 'sse',
    action: 'job.read',
    summary: 'Follow the log of a job (Server-Sent Events)',
    description:
      'Each `data:` is a JobEvent, `event:` its kind, `id:` its sequence number. Ends after a final state; comments keep it alive until then.',
    params: jobParams,
    query: z.strictObject({ after: eventCursorSchema }),
    headers: z.object({
      'last-event-id': z.string().regex(/^\d*$/).optional().meta({
        description: 'The `id:` of the last event that was read: the stream goes on after it. Outdoes `after`.',
      }),
    }),
    output: jobEventSchema,
    errors: ['job_not_found', 'invalid_cursor'],
  }),
  streamHints: operation({
    method: 'GET',
    path: '/api/queue/events/stream',
    response: 'sse',
    action: 'job.follow',
    summary: 'Hints that jobs changed (Server-Sent Events)',
    description:
      'Each `data:` of the event `hint` is a JobHint; the event `much` says that more changed than was told. Without ids or replay: after a reconnect list again.',
    output: jobHintSchema,
  }),
} as const satisfies Record<string, Operation>;

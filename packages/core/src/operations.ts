import { z } from 'zod';
import { excerptQuerySchema, excerptSchema } from './artifact-excerpt.ts';
import { artifactTypes, jobArtifactSchema } from './artifact.ts';
import { appendEventsSchema, eventCursorSchema, jobEventSchema, jobHintSchema } from './job-event.ts';
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
  failSchema,
  heartbeatSchema,
  jobSchema,
} from './job.ts';
import { jobStatuses } from './job-status.ts';
import type { Operation } from './operation.ts';
import { tools } from './operation-tools.ts';
import { cursorSchema, limitSchema, textSchema, uuidSchema } from './wire-values.ts';
import { createdWorkerTokenSchema, createWorkerTokenSchema, seenWorkerSchema, workerTokenSchema } from './worker.ts';

const nothing = z.strictObject({});
const jobParams = z.strictObject({ jobId: z.string() });
const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

interface Defaults {
  door: 'api';
  request: 'none';
  response: 'json';
  status: 200;
  lease: false;
  idempotent: false;
  params: typeof nothing;
  query: typeof nothing;
  body: typeof nothing;
  errors: readonly [];
}

const defaults: Defaults = {
  door: 'api',
  request: 'none',
  response: 'json',
  status: 200,
  lease: false,
  idempotent: false,
  params: nothing,
  query: nothing,
  body: nothing,
  errors: [],
};

// Keeps each row's own types, so that routes and client methods are checked against them.
function operation<
  const Row extends Partial<Operation> & Pick<Operation, 'method' | 'path' | 'action' | 'summary' | 'output'>,
>(row: Row): Omit<Defaults, keyof Row> & Row {
  return { ...defaults, ...row };
}

const fenceErrors = ['job_not_found', 'lease_lost', 'job_state_conflict'] as const;
const byteErrors = [
  'invalid_artifact_name',
  'invalid_digest',
  'digest_mismatch',
  'artifact_too_large',
  'storage_full',
] as const;

export const operations = {
  createJob: operation({
    method: 'POST',
    path: '/api/queue/jobs',
    request: 'json',
    status: 201,
    action: 'job.create',
    idempotent: true,
    summary: 'Put a job into the queue',
    description: 'A repeated idempotency key answers 200 with the first job.',
    body: createJobSchema,
    output: jobSchema,
    mcp: tools.enqueue,
    errors: ['idempotency_conflict'],
  }),
  listJobs: operation({
    method: 'GET',
    path: '/api/queue/jobs',
    action: 'job.list',
    summary: 'List jobs, newest first',
    query: z.strictObject({
      status: z.enum(jobStatuses).optional(),
      type: z.string().optional(),
      category: z.enum(['manifest', 'work']).optional(),
      limit: limitSchema(200, 50),
      cursor: cursorSchema,
    }),
    output: page(jobSchema),
    mcp: tools.list,
    errors: ['invalid_cursor'],
  }),
  getJob: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}',
    action: 'job.read',
    summary: 'Read a job',
    params: jobParams,
    output: jobSchema,
    mcp: tools.get,
    errors: ['job_not_found'],
  }),
  claimJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/claim',
    request: 'json',
    action: 'job.claim',
    idempotent: true,
    summary: 'Claim the next eligible job',
    description:
      'Waits up to `waitSeconds` for one; `{"job": null}` when there is none. With `maxJobs`, `{"jobs": […]}`.',
    body: claimSchema,
    output: claimedSchema,
    mcp: tools.claim,
    errors: ['worker_not_authorized', 'idempotency_conflict'],
  }),
  heartbeatJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/heartbeat',
    request: 'json',
    action: 'job.work',
    lease: true,
    summary: 'Renew the lease to now plus leaseSeconds',
    params: jobParams,
    body: heartbeatSchema,
    output: jobSchema,
    mcp: tools.heartbeat,
    errors: ['worker_not_authorized', ...fenceErrors, 'job_ownership_mismatch'],
  }),
  completeJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/complete',
    request: 'json',
    action: 'job.work',
    lease: true,
    summary: 'End a held job as succeeded',
    params: jobParams,
    body: completeSchema,
    output: jobSchema,
    mcp: tools.complete,
    errors: ['worker_not_authorized', ...fenceErrors, 'job_ownership_mismatch'],
  }),
  failJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/fail',
    request: 'json',
    action: 'job.work',
    lease: true,
    summary: 'End the attempt as failed, for good or to be retried',
    params: jobParams,
    body: failSchema,
    output: jobSchema,
    mcp: tools.fail,
    errors: ['worker_not_authorized', ...fenceErrors, 'job_ownership_mismatch'],
  }),
  completeJobs: operation({
    method: 'POST',
    path: '/api/queue/jobs/complete-batch',
    request: 'json',
    action: 'job.work',
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
    summary: 'Cancel a queued job, or ask the holder of a running one to stop',
    params: jobParams,
    body: cancelSchema,
    output: jobSchema,
    mcp: tools.cancel,
    errors: ['job_not_found', 'job_state_conflict'],
  }),
  ackCancel: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/cancel/ack',
    request: 'json',
    action: 'job.work',
    lease: true,
    summary: 'End a held job as cancelled, as was asked',
    params: jobParams,
    body: ackSchema,
    output: jobSchema,
    errors: ['worker_not_authorized', ...fenceErrors, 'job_ownership_mismatch'],
  }),
  retryJob: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/retry',
    request: 'json',
    action: 'job.decide',
    summary: 'Put a failed or dead-lettered job back into the queue',
    params: jobParams,
    output: jobSchema,
    errors: ['job_not_found', 'job_state_conflict'],
  }),
  explainJob: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/why',
    action: 'job.explain',
    summary: 'Why a job waits, and which workers nearly match',
    params: jobParams,
    output: whySchema,
    mcp: tools.why,
    errors: ['job_not_found'],
  }),
  listWorkers: operation({
    method: 'GET',
    path: '/api/queue/workers',
    action: 'worker.list',
    summary: 'Workers seen in the last ten minutes',
    query: z.strictObject({ limit: limitSchema(200, 50), cursor: cursorSchema }),
    output: page(seenWorkerSchema),
    errors: ['invalid_cursor'],
  }),
  appendEvents: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/events',
    request: 'json',
    status: 201,
    action: 'job.work',
    lease: true,
    idempotent: true,
    summary: 'Write one event, or up to 100, into the log of a held job',
    params: jobParams,
    body: appendEventsSchema,
    output: z.object({ events: z.array(jobEventSchema) }),
    errors: ['worker_not_authorized', ...fenceErrors, 'job_ownership_mismatch', 'idempotency_conflict'],
  }),
  listEvents: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/events',
    action: 'job.read',
    summary: 'Read the log of a job, oldest first',
    description:
      'Poll with `after` set to the `nextCursor` of the answer before; null once a final job is read to its end.',
    params: jobParams,
    query: z.strictObject({ after: eventCursorSchema, limit: limitSchema(500, 100) }),
    output: page(jobEventSchema),
    errors: ['job_not_found'],
  }),
  streamEvents: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/events/stream',
    response: 'sse',
    action: 'job.read',
    summary: 'Follow the log of a job (Server-Sent Events)',
    description: '`id:` is the sequence number, `Last-Event-ID` resumes; ends after a final state.',
    params: jobParams,
    query: z.strictObject({ after: eventCursorSchema }),
    output: jobEventSchema,
    errors: ['job_not_found'],
  }),
  streamHints: operation({
    method: 'GET',
    path: '/api/queue/events/stream',
    response: 'sse',
    action: 'job.follow',
    summary: 'Hints that jobs changed (Server-Sent Events)',
    description: 'Without ids or replay: after a reconnect list again.',
    output: jobHintSchema,
  }),
  uploadArtifact: operation({
    method: 'POST',
    path: '/api/queue/jobs/{jobId}/artifacts/upload',
    request: 'multipart',
    status: 201,
    action: 'artifact.add',
    lease: true,
    idempotent: true,
    summary: 'Upload an artifact of a job as a form',
    description: 'Parts in any order: `file` and `name` are required. (Seed 000 DOC-REQ-002, DOC-REQ-003.)',
    params: jobParams,
    body: z.strictObject({
      name: z.string(),
      contentType: z.string().optional(),
      digest: z.string().optional(),
      type: z.enum(artifactTypes).optional(),
      title: textSchema(1, 500).optional(),
      tags: z.string().optional().meta({ description: 'JSON array of strings' }),
      metadata: z.string().optional().meta({ description: 'JSON object, at most 4096 bytes' }),
      workerId: z.string().optional(),
      leaseId: z.string().optional(),
    }),
    output: jobArtifactSchema,
    errors: ['worker_not_authorized', ...fenceErrors, ...byteErrors, 'idempotency_conflict'],
  }),
  putArtifact: operation({
    method: 'PUT',
    path: '/api/queue/jobs/{jobId}/artifacts/{+name}',
    request: 'bytes',
    status: 201,
    action: 'artifact.add',
    lease: true,
    idempotent: true,
    summary: 'Upload an artifact of a job as a raw body: the fast path',
    description: '`Content-Type` and `Content-Digest` (RFC 9530, sha-256) describe the body.',
    params: z.strictObject({ jobId: z.string(), name: z.string() }),
    query: z.strictObject({ type: z.enum(artifactTypes).optional(), title: textSchema(1, 500).optional() }),
    output: jobArtifactSchema,
    mcp: tools.uploadArtifact,
    errors: ['worker_not_authorized', ...fenceErrors, ...byteErrors, 'idempotency_conflict'],
  }),
  listJobArtifacts: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/artifacts',
    action: 'artifact.list',
    summary: 'List the artifacts of a job, every version, newest first',
    params: jobParams,
    query: z.strictObject({
      name: z.string().optional(),
      limit: limitSchema(500, 200),
      cursor: cursorSchema,
    }),
    output: page(jobArtifactSchema),
    mcp: tools.listArtifacts,
    errors: ['job_not_found', 'invalid_artifact_name', 'invalid_cursor'],
  }),
  downloadArtifact: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/artifacts/{artifactId}/download',
    response: 'bytes',
    action: 'artifact.read',
    summary: 'Download the bytes of an artifact',
    description: 'Single byte ranges (RFC 9110), `ETag`, `Repr-Digest` (RFC 9530); HEAD answers alike.',
    params: z.strictObject({ jobId: z.string(), artifactId: z.string() }),
    output: z.unknown(),
    errors: [
      'job_not_found',
      'artifact_not_found',
      'artifact_job_mismatch',
      'range_not_satisfiable',
      'integrity_failure',
    ],
  }),
  excerptArtifact: operation({
    method: 'GET',
    path: '/api/queue/jobs/{jobId}/artifacts/{artifactId}/excerpt',
    action: 'artifact.read',
    summary: 'Read a bounded piece of an artifact as text, or search it',
    description: 'Never more than `length` bytes of text; binary content is described instead.',
    params: z.strictObject({ jobId: z.string(), artifactId: z.string() }),
    query: excerptQuerySchema,
    output: excerptSchema,
    mcp: tools.readArtifact,
    errors: [
      'job_not_found',
      'artifact_not_found',
      'artifact_job_mismatch',
      'range_not_satisfiable',
      'integrity_failure',
    ],
  }),
  createWorkerToken: operation({
    method: 'POST',
    path: '/api/queue/workers/tokens',
    request: 'json',
    status: 201,
    action: 'credential.manage',
    summary: 'Make a worker token; it is shown once',
    body: createWorkerTokenSchema,
    output: createdWorkerTokenSchema,
  }),
  listWorkerTokens: operation({
    method: 'GET',
    path: '/api/queue/workers/tokens',
    action: 'credential.manage',
    summary: 'List worker tokens, newest first, never their secrets',
    query: z.strictObject({
      workerId: textSchema(1, 255).optional(),
      limit: limitSchema(200, 50),
      cursor: cursorSchema,
    }),
    output: page(workerTokenSchema),
    errors: ['invalid_cursor'],
  }),
  revokeWorkerToken: operation({
    method: 'POST',
    path: '/api/queue/workers/tokens/{tokenId}/revoke',
    request: 'json',
    action: 'credential.manage',
    summary: 'Revoke a worker token at once and for good',
    params: z.strictObject({ tokenId: uuidSchema }),
    output: workerTokenSchema,
    errors: ['not_found'],
  }),
} as const satisfies Record<string, Operation>;

export type Operations = typeof operations;
export type OperationId = keyof Operations;
export const operationIds = Object.keys(operations) as OperationId[];

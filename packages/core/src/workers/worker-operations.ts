import { z } from 'zod';
import type { Operation } from '../operation.ts';
import { operation, page } from '../operation-row.ts';
import { cursorSchema, limitSchema, textSchema } from '../values/wire-values.ts';
import { createdWorkerTokenSchema, createWorkerTokenSchema, seenWorkerSchema, workerTokenSchema } from './worker.ts';

/** Operations on workers and their tokens for the queue. */
export const workerOperations = {
  listWorkers: operation({
    method: 'GET',
    path: '/api/queue/workers',
    action: 'worker.list',
    summary: 'Workers seen in the last ten minutes',
    query: z.strictObject({ limit: limitSchema(200, 50), cursor: cursorSchema }),
    output: page(seenWorkerSchema),
    errors: ['invalid_cursor'],
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
    errors: ['secret_found'],
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
    params: z.strictObject({ tokenId: z.string() }),
    output: workerTokenSchema,
    errors: ['not_found', 'version_conflict'],
  }),
} as const satisfies Record<string, Operation>;

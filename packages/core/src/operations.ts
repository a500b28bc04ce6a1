import { artifactOperations } from './artifacts/artifact-operations.ts';
import { experimentOperations } from './experiments/experiment-operations.ts';
import { auditOperations } from './audit/audit-operations.ts';
import type { Operation } from './operation.ts';
import { peopleOperations } from './people/people-operations.ts';
import { queueOperations } from './queue/queue-operations.ts';
import { reviewOperations } from './review/review-operations.ts';
import { storageOperations } from './storage/storage-operations.ts';
import { v0Operations } from './v0/v0-operations.ts';
import { workerOperations } from './workers/worker-operations.ts';

/**
 * The operations table, with one row for each operation of the server. Each area defines its rows in
 * `<area>-operations.ts`. The documentation lists the areas in this order.
 */
export const operations = {
  ...queueOperations,
  ...workerOperations,
  ...artifactOperations,
  ...reviewOperations,
  ...experimentOperations,
  ...peopleOperations,
  ...auditOperations,
  ...storageOperations,
  ...v0Operations,
} as const satisfies Record<string, Operation>;

export type Operations = typeof operations;
export type OperationId = keyof Operations;
export const operationIds = Object.keys(operations) as OperationId[];

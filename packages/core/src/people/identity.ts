import { z } from 'zod';
import type { Principal } from '../principal.ts';
import type { WorkerRecord } from '../workers/worker.ts';

/** Schema of the answer about the caller: the principal, and additional rights of its credential. */
export const identitySchema = z
  .object({
    kind: z.enum(['admin', 'user', 'worker']),
    id: z.string(),
    name: z.string().nullable(),
    role: z.enum(['admin', 'operator', 'read-only', 'worker']),
    experimentId: z.string().optional(),
    canEnqueue: z.boolean().optional().meta({ description: 'Of a worker: the token may create jobs.' }),
    readMetrics: z
      .boolean()
      .optional()
      .meta({ description: 'Of a worker: the token reads the metrics and nothing else.' }),
    version: z.string().meta({ description: 'Of the server.' }),
  })
  .meta({ id: 'Identity' });
export type Identity = z.infer<typeof identitySchema>;

/** Returns the answer about a principal. For a worker principal, `worker` is the record of that worker. */
export function identityOf(principal: Principal, worker: WorkerRecord | undefined, version: string): Identity {
  switch (principal.kind) {
    case 'admin':
      return { kind: 'admin', id: 'admin', name: null, role: 'admin', version };
    case 'operator':
    case 'read-only':
      return { kind: 'user', id: principal.userId, name: null, role: principal.kind, version };
    case 'worker': {
      const { canEnqueue = false, readMetrics = false } = principal.policy;
      const experiment = worker?.experimentId == null ? {} : { experimentId: worker.experimentId };
      const [id, name] = [principal.workerId, worker?.name ?? null];
      return { kind: 'worker', id, name, role: 'worker', ...experiment, canEnqueue, readMetrics, version };
    }
  }
}

import { z } from 'zod';
import type { Principal } from '../principal.ts';
import type { WorkerRecord } from '../workers/worker.ts';
import { userRoles } from './user.ts';

/** Schema of the answer about the caller: the principal, and additional rights of its credential. */
export const identitySchema = z
  .object({
    kind: z.enum(['admin', 'user', 'worker']),
    id: z.string(),
    name: z.string().nullable(),
    role: z.enum([...userRoles, 'worker']).meta({
      description: 'Of a user that a broker acts for: the lower role of both.',
    }),
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

/** Returns the answer about a principal. `caller` is the record of the worker or user that the principal names. */
export function identityOf(
  principal: Principal,
  caller: { readonly worker?: WorkerRecord | undefined; readonly user?: { readonly name: string } | undefined },
  version: string,
): Identity {
  if (principal.kind === 'worker') {
    const { worker } = caller;
    const { canEnqueue = false, readMetrics = false } = principal.policy;
    const experiment = worker?.experimentId == null ? {} : { experimentId: worker.experimentId };
    const [id, name] = [principal.workerId, worker?.name ?? null];
    return { kind: 'worker', id, name, role: 'worker', ...experiment, canEnqueue, readMetrics, version };
  }
  if (principal.userId === undefined) return { kind: 'admin', id: 'admin', name: null, role: 'admin', version };
  return { kind: 'user', id: principal.userId, name: caller.user?.name ?? null, role: principal.kind, version };
}

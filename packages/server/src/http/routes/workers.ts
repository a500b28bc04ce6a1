import { AppError, unknownJobType, workerTokenToJson } from '@proofhouse/core';
import type { JsonHandlers } from '../../calls/operation-call.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import type { Presence } from '../../workers/presence.ts';
import type { Workers } from '../../workers/workers.ts';

export interface WorkerHandlersParts {
  readonly workers: Workers;
  readonly presence: Presence;
  readonly jobs: Jobs;
  /** The job types that this server supports. */
  readonly jobTypes: readonly string[];
}

/** Returns the handlers for worker tokens and for the list of workers. */
export function workerHandlers({
  workers,
  presence,
  jobs,
  jobTypes,
}: WorkerHandlersParts): Pick<
  JsonHandlers,
  'createWorkerToken' | 'listWorkerTokens' | 'revokeWorkerToken' | 'listWorkers'
> {
  return {
    listWorkers: async ({ query }) => {
      const { items, nextCursor } = await presence.list(query);
      const holds = await Promise.all(items.map(({ workerId }) => jobs.heldBy(workerId)));
      const shown = items.map((worker, index) => ({
        workerId: worker.workerId,
        lastSeenAt: new Date(worker.lastSeenAt).toISOString(),
        capabilities: [...worker.capabilities],
        allowedTypes: worker.types === undefined ? null : [...worker.types],
        version: worker.version ?? null,
        holds: holds[index] ?? [],
      }));
      return { body: { items: shown, nextCursor } };
    },
    createWorkerToken: async ({ principal, body }) => {
      requireKnownTypes(body.allowedJobTypes ?? [], jobTypes);
      const { token, credential } = await workers.createToken(principal, body);
      return { body: { token, workerToken: workerTokenToJson(credential) } };
    },
    listWorkerTokens: async ({ query }) => {
      const { items, nextCursor } = await workers.listTokens(query);
      return { body: { items: items.map(workerTokenToJson), nextCursor } };
    },
    revokeWorkerToken: async ({ params }) => {
      return { body: workerTokenToJson(await workers.revokeToken(params.tokenId)) };
    },
  };
}

// Throws `invalid_request` if a new token allows a job type that the server does not support. Such a type is probably a
// typing error. Without this check, the worker of the token would get no jobs and nobody would see why.
function requireKnownTypes(types: readonly string[], known: readonly string[]): void {
  const errors = types.flatMap((type, index) =>
    known.includes(type) ? [] : [{ path: `allowedJobTypes.${String(index)}`, message: unknownJobType(type, known) }],
  );
  const [first] = errors;
  if (first !== undefined) throw new AppError('invalid_request', `${first.path}: ${first.message}.`, { errors });
}

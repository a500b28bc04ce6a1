import { workerTokenToWire } from '@proofhouse/core';
import type { JsonHandlers } from '../../calls/operation-call.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import type { Presence } from '../../workers/presence.ts';
import type { Workers } from '../../workers/workers.ts';

/** Worker tokens, at every door. */
export function workerHandlers(
  workers: Workers,
  presence: Presence,
  jobs: Jobs,
): Pick<JsonHandlers, 'createWorkerToken' | 'listWorkerTokens' | 'revokeWorkerToken' | 'listWorkers'> {
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
      const { token, credential } = await workers.createToken(principal, body);
      return { body: { token, workerToken: workerTokenToWire(credential) } };
    },
    listWorkerTokens: async ({ query }) => {
      const { items, nextCursor } = await workers.listTokens(query);
      return { body: { items: items.map(workerTokenToWire), nextCursor } };
    },
    revokeWorkerToken: async ({ params }) => {
      return { body: workerTokenToWire(await workers.revokeToken(params.tokenId)) };
    },
  };
}

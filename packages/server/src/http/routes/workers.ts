import { workerTokenToWire } from '@proofhouse/core';
import type { Workers } from '../../workers/workers.ts';
import type { Handlers } from '../operation-route.ts';

/** Worker tokens over HTTP. */
export function workerHandlers(
  workers: Workers,
): Pick<Handlers, 'createWorkerToken' | 'listWorkerTokens' | 'revokeWorkerToken'> {
  return {
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

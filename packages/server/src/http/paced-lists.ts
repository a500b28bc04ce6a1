import { operationIds, operations, type Operation, type OperationId } from '@proofhouse/core';
import { EventLoopPacer } from '../kernel/time/event-loop-pacer.ts';
import type { Handlers } from './operation-route.ts';

/**
 * Wraps the handlers so that at most one list call starts in each iteration of the event loop. HTTP and MCP calls share
 * this limit.
 */
export function pacedLists(handlers: Handlers): Handlers {
  const pacer = new EventLoopPacer();
  const paced: Record<string, unknown> = { ...handlers };
  for (const id of operationIds.filter(isList)) {
    const handler = handlers[id] as (call: unknown) => Promise<unknown>;
    paced[id] = async (call: unknown) => {
      await pacer.next();
      return handler(call);
    };
  }
  return paced as Handlers;
}

function isList(id: OperationId): boolean {
  const row: Operation = operations[id];
  return row.response === 'json' && 'shape' in row.query && 'limit' in (row.query.shape as object);
}

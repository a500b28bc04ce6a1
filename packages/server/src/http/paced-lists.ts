import { operationIds, operations, type Operation, type OperationId } from '@proofhouse/core';
import { Turns } from '../kernel/turns.ts';
import type { Handlers } from './operation-route.ts';

/** The same handlers; those of lists begin one in each turn of the event loop, whichever door they are called through. */
export function pacedLists(handlers: Handlers): Handlers {
  const turns = new Turns();
  const paced: Record<string, unknown> = { ...handlers };
  for (const id of operationIds.filter(isList)) {
    const handler = handlers[id] as (call: unknown) => Promise<unknown>;
    paced[id] = async (call: unknown) => {
      await turns.next();
      return handler(call);
    };
  }
  return paced as Handlers;
}

function isList(id: OperationId): boolean {
  const row: Operation = operations[id];
  return row.response === 'json' && 'shape' in row.query && 'limit' in (row.query.shape as object);
}

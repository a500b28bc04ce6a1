import { operationIds, operations, type Operation, type OperationId, type Principal } from '@proofhouse/core';
import type { JsonHandlers } from '../calls/operation-call.ts';
import type { AuditLog } from '../audit/audit-log.ts';

/** The parts of a decoded call that its audit entry uses. */
interface Call {
  readonly principal: Principal;
  readonly params: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly remote: string | undefined;
}

/**
 * Wraps the handler of each audited operation (`Operation.audit`), so that each successful call leaves one entry in the
 * audit log. HTTP and MCP calls use the wrapped handlers.
 */
export function auditedHandlers<Handlers extends JsonHandlers>(handlers: Handlers, log: AuditLog): Handlers {
  const audited: Record<string, unknown> = { ...handlers };
  for (const id of operationIds.filter(isAudited)) {
    const handler = handlers[id as keyof Handlers] as (call: Call) => Promise<unknown>;
    audited[id] = (call: Call) => log.run(actOf(id, call), () => handler(call));
  }
  return audited as Handlers;
}

export function isAudited(id: OperationId): boolean {
  const row: Operation = operations[id];
  return row.audit !== 'none';
}

function actOf(id: OperationId, { principal, params, body, remote }: Call) {
  const { audit }: Operation = operations[id];
  const { fields = [], isOutside = false } = audit === 'none' ? {} : audit;
  return {
    principal,
    operation: id,
    target: targetOf(params),
    remote: remote ?? null,
    given: givenFields(body, fields),
    isOutside,
  };
}

/** Returns `<kind>:<id>` for the last parameter of the path, such as `user:0198…` for `userId`. */
function targetOf(params: Readonly<Record<string, string>>): string | null {
  const last = Object.entries(params).at(-1);
  return last === undefined ? null : `${last[0].replace(/Id$/, '')}:${last[1].slice(0, longestId)}`;
}

/** Largest length of an id in a target. Ids of the server are shorter; workers may have ids up to this length. */
const longestId = 150;

function givenFields(body: unknown, fields: readonly string[]): Record<string, string | number | boolean> {
  if (typeof body !== 'object' || body === null) return {};
  return Object.fromEntries(
    Object.entries(body).filter(
      (entry): entry is [string, string | number | boolean] =>
        fields.includes(entry[0]) && ['string', 'number', 'boolean'].includes(typeof entry[1]),
    ),
  );
}

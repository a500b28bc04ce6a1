import { toolParts, type ToolRow } from '@proofhouse/core';
import { decodeCall, requireClass, type JsonOperationId } from '../calls/operation-call.ts';
import type { McpParts, ToolCaller } from './mcp-parts.ts';
import { uploadThroughTool } from './upload-through-tool.ts';

const names = { query: '', leaseId: 'leaseId', idempotencyKey: 'idempotencyKey' };

/**
 * Runs one tool call: checks whether the caller may use the operation, decodes the arguments, and calls the handler of
 * the operation's HTTP route. Returns the body that the HTTP route would send. Throws the same errors as the HTTP
 * route.
 */
export async function callTool(
  parts: McpParts,
  { id, row }: ToolRow,
  given: Readonly<Record<string, unknown>>,
  caller: ToolCaller,
): Promise<unknown> {
  requireClass(id, caller.principal);
  if (id === 'putArtifact') return uploadThroughTool(parts, given, caller.principal);
  const decoded = decodeCall(row, { principal: caller.principal, ...toolParts(row, given), names });
  // Each operation id has its own call type. Here the id is known only at run time, so TypeScript cannot infer the
  // type.
  const handler = parts.handlers[id as JsonOperationId] as (call: unknown) => Promise<{ readonly body: unknown }>;
  const { software, remote, signal, waitSignal, reauthenticate } = caller;
  return (await handler({ ...decoded, software, remote, signal, waitSignal, reauthenticate })).body;
}

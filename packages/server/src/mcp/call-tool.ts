import { toolParts, type ToolRow } from '@proofhouse/core';
import { decodeCall, requireClass, type JsonOperationId } from '../calls/operation-call.ts';
import type { McpParts, ToolCaller } from './mcp-parts.ts';
import { uploadThroughTool } from './upload-through-tool.ts';

const names = { query: '', leaseId: 'leaseId', idempotencyKey: 'idempotencyKey' };

/**
 * Runs one tool call: checks whether the caller may use the operation, decodes the arguments, and calls the handler of the
 * HTTP route. Returns the body of the HTTP answer. Throws the same errors as the HTTP route.
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
  // `JsonHandlers` has another call type for each operation id. TypeScript cannot infer it from an id known only at run time.
  const handler = parts.handlers[id as JsonOperationId] as (call: unknown) => Promise<{ readonly body: unknown }>;
  const { software, signal, waitSignal, reauthenticate } = caller;
  return (await handler({ ...decoded, software, signal, waitSignal, reauthenticate })).body;
}

import { toolParts, type ToolRow } from '@proofhouse/core';
import { decodeCall, requireClass, type JsonOperationId } from '../calls/operation-call.ts';
import type { McpParts, ToolCaller } from './mcp-parts.ts';
import { uploadThroughTool } from './upload-through-tool.ts';

const names = { query: '', leaseId: 'leaseId', idempotencyKey: 'idempotencyKey' };

/**
 * Runs one tool call: checks the class, decodes, and calls the HTTP handler. Returns the body of the HTTP answer, and
 * throws its errors.
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
  // The table pairs each id with the type of its handler; looking it up by name loses that pairing.
  const handler = parts.handlers[id as JsonOperationId] as (call: unknown) => Promise<{ readonly body: unknown }>;
  const { software, signal, waitSignal, reauthenticate } = caller;
  return (await handler({ ...decoded, software, signal, waitSignal, reauthenticate })).body;
}

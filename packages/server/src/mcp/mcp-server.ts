import { readFileSync } from 'node:fs';
import { describeTool, requireTool, toolInstructions, toolRows, type ToolResult, type ToolRow } from '@proofhouse/core';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export type CallTool = (
  row: ToolRow,
  given: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<ToolResult>;

const described = toolRows.map(describeTool);

/** An MCP server whose tools are the rows of the operations table; `call` never throws. For one connection. */
export function mcpServer(call: CallTool): McpServer {
  const server = new McpServer(
    { name: 'proofhouse', title: 'Proofhouse', version: manifest.version },
    { capabilities: { tools: {} }, instructions: toolInstructions, jsonSchemaValidator: unusedValidator },
  );
  // The SDK promises for everybody that changes of the list are told; this list never changes.
  server.server.registerCapabilities({ tools: { listChanged: false } });
  server.server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: described }));
  server.server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    return call(requireTool(params.name), params.arguments ?? {}, signal);
  });
  return server;
}

// For forms that a server asks its client to fill in, which this one never does. The usual one is built anew for every
// server, which is one for every request, and costs more than the request.
const unusedValidator = {
  getValidator: () => {
    throw new Error('this server elicits nothing');
  },
};

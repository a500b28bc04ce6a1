import { readFileSync } from 'node:fs';
import { describeTool, findTool, toolInstructions, toolRows, type ToolResult, type ToolRow } from '@proofhouse/core';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError } from '@modelcontextprotocol/sdk/types.js';

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
  server.server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: described }));
  server.server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const row = findTool(params.name);
    if (row === undefined) {
      throw new McpError(ErrorCode.InvalidParams, `There is no tool ${JSON.stringify(params.name.slice(0, 80))}.`);
    }
    return call(row, params.arguments ?? {}, signal);
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

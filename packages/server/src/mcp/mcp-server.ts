import { readFileSync } from 'node:fs';
import {
  describeTool,
  requireTool,
  toolArguments,
  toolInstructions,
  toolRows,
  type ToolResult,
  type ToolRow,
} from '@proofhouse/core';
import { McpServer } from '@modelcontextprotocol/server';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export type CallTool = (
  row: ToolRow,
  given: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<ToolResult>;

const described = toolRows.map(describeTool);

/** An MCP server whose tools are the rows of the operations table; `call` never throws. For one request. */
export function mcpServer(call: CallTool): McpServer {
  const server = new McpServer(
    { name: 'proofhouse', title: 'Proofhouse', version: manifest.version },
    {
      capabilities: { tools: { listChanged: false } },
      instructions: toolInstructions,
      jsonSchemaValidator: unusedValidator,
    },
  );
  server.server.setRequestHandler('tools/list', () => ({ tools: described }));
  server.server.setRequestHandler('tools/call', ({ params }, { mcpReq }) =>
    call(requireTool(params.name), toolArguments(params.arguments), mcpReq.signal),
  );
  return server;
}

// Validates forms that a server asks its client to fill in, which this one never does. The library's default is built for
// every server, that is for every request, and costs more than the request.
const unusedValidator = {
  getValidator: () => {
    throw new Error('this server elicits nothing');
  },
};

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
import { maskedText } from '../secrets/masked-error.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export type CallTool = (
  row: ToolRow,
  given: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<ToolResult>;

const described = toolRows.map(describeTool);

/**
 * Returns an MCP server for one request. Its tools are the rows of the operations table that have an MCP description.
 * `call` runs a tool and must not throw.
 */
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
    call(requireTool(maskedText(params.name)), toolArguments(params.arguments), mcpReq.signal),
  );
  return server;
}

// A validator that is never called. It replaces the JSON Schema validator of the MCP library. That validator checks
// answers to elicitation requests, and this server sends no such requests. Without this object, the library would
// create its validator for every request, which takes longer than the request itself.
const unusedValidator = {
  getValidator: () => {
    throw new Error('this server elicits nothing');
  },
};

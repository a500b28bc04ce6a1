import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { CallInput, JsonOperationId, ProofhouseClient } from '@proofhouse/client';
import {
  AppError,
  describeTool,
  explainUpload,
  isAppError,
  opaqueValue,
  parseFields,
  requireTool,
  toolFailure,
  toolInstructions,
  toolParts,
  toolRows,
  toolSuccess,
  uploadedBytes,
  uploadToolSchema,
  type ToolRow,
  type UploadToolAnswer,
} from '@proofhouse/core';
import { version } from './version.ts';

export interface BridgeStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
}

/** Serves the tools on standard input and output until the input ends or the signal aborts. */
export async function serveTools(
  client: ProofhouseClient,
  { stdin, stdout, stderr, signal }: BridgeStreams,
): Promise<void> {
  const server = await bridge(client, new StdioServerTransport(stdin, stdout));
  server.server.onerror = (error) => void stderr.write(`proofhouse: ${error.message}\n`);
  const ended = new AbortController();
  const over = AbortSignal.any([signal, ended.signal]);
  for (const event of ['end', 'close', 'error']) stdin.once(event, () => ended.abort());
  server.server.onclose = () => ended.abort();
  if (!over.aborted) await once(over, 'abort');
  // Calls under way are told to stop: nobody reads their answers.
  await server.close();
}

/**
 * An MCP server whose tools are calls of the client: the rows of the server's own tools, checked and decided by the
 * server. Only the arguments are parted here.
 */
async function bridge(client: ProofhouseClient, transport: Transport): Promise<McpServer> {
  const server = new McpServer(
    { name: 'proofhouse', title: 'Proofhouse', version },
    { capabilities: { tools: { listChanged: false } }, instructions: toolInstructions },
  );
  server.server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: toolRows.map(describeTool) }));
  server.server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const row = requireTool(params.name);
    try {
      return toolSuccess(await callTool(client, row, params.arguments ?? {}, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      return toolFailure(isAppError(error) ? error : new AppError('internal', String(error), { cause: error }));
    }
  });
  await server.connect(transport);
  return server;
}

const headers = { 'user-agent': `proofhouse-mcp/${version}` };

async function callTool(
  client: ProofhouseClient,
  { id, row }: ToolRow,
  given: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<unknown> {
  if (id === 'putArtifact') return upload(client, given, signal);
  const { leaseId: lease, ...parts } = toolParts(row, given);
  // The path is made here, so its parts are checked here; everything else is the server's to refuse.
  const params = parseFields(row.params, parts.params);
  const input = { ...parts, params, lease: opaqueValue('leaseId', lease), signal, headers };
  const idempotencyKey = opaqueValue('idempotencyKey', parts.idempotencyKey);
  // The table pairs each id with its input; the lookup by a tool's name loses that pairing.
  return client.call(id as JsonOperationId, { ...input, idempotencyKey } as CallInput<JsonOperationId>);
}

async function upload(client: ProofhouseClient, given: unknown, signal: AbortSignal): Promise<UploadToolAnswer> {
  const input = parseFields(uploadToolSchema, given);
  const { jobId, name, leaseId: lease, idempotencyKey, contentType, type, title } = input;
  const bytes = uploadedBytes(input);
  const options = { lease, idempotencyKey, signal, headers };
  if (typeof bytes === 'string') {
    // Says already now that the job is not there or not the caller's.
    await client.jobs.get(jobId, { signal, headers });
    return explainUpload(client.url, input, bytes);
  }
  const artifact = await client.artifacts.upload(jobId, { name, bytes, contentType, type, title }, options);
  return { artifact, upload: null, note: `Stored ${artifact.sizeBytes} bytes as ${artifact.name}.` };
}

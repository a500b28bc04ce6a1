import { once } from 'node:events';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { McpServer, type Transport } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { CallInput, JsonOperationId, ProofhouseClient } from '@proofhouse/client';
import { contentOfBytes } from '@proofhouse/client/masking';
import { uploadFile, uploadMasked, type MaskedUpload, type UploadMasking } from '@proofhouse/client/worker';
import {
  AppError,
  describeTool,
  explainUpload,
  localUploadToolSchema,
  opaqueValue,
  plainProtocolError,
  parseFields,
  requireTool,
  toolArguments,
  toolFailure,
  toolInstructions,
  toolParts,
  toolRows,
  toolSuccess,
  uploadedBytes,
  withoutNullArguments,
  withPlainError,
  type OperationId,
  type ToolRow,
  type UploadToolAnswer,
} from '@proofhouse/core';
import { maskingLines } from '../output/masking-text.ts';
import { knownError } from '../output/report-error.ts';
import { soundMessages } from './sound-messages.ts';
import { version } from '../version.ts';

export interface BridgeStreams {
  /** The folder to which relative file paths refer. */
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
}

export interface BridgeParts {
  readonly client: ProofhouseClient;
  /** The settings for masking the artifacts, events and results of the tools. */
  readonly masking: UploadMasking;
}

/** Serves the MCP tools on standard input and output, until the input ends or the signal is aborted. */
export async function serveTools(parts: BridgeParts, streams: BridgeStreams): Promise<void> {
  const { stdin, stdout, stderr, signal } = streams;
  const transport = new PlainTransport(new StdioServerTransport(soundMessages(streams), stdout));
  const onerror = (error: Error): void => void stderr.write(`proofhouse: ${plainProtocolError(error.message)}\n`);
  const served = serveStdio(() => bridge(parts, streams.cwd), { transport, onerror, maxSubscriptions: 0 });
  const ended = new AbortController();
  const over = AbortSignal.any([signal, ended.signal]);
  for (const event of ['end', 'close', 'error']) stdin.once(event, () => ended.abort());
  if (!over.aborted) await once(over, 'abort');
  // Aborts the calls in progress, because their answers cannot be sent any more.
  await served.close();
}

/** A transport that accepts the same messages as the MCP server over HTTP, and returns the same errors. */
class PlainTransport implements Transport {
  readonly #inner: Transport;
  onmessage?: Transport['onmessage'];
  onclose?: () => void;
  onerror?: (error: Error) => void;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  start(): Promise<void> {
    this.#inner.onmessage = (message, extra) => this.onmessage?.(withoutNullArguments(message), extra);
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    return this.#inner.start();
  }

  send(...[message, options]: Parameters<Transport['send']>): Promise<void> {
    return this.#inner.send(withPlainError(message), options);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/**
 * Returns an MCP server with the same tools as the Proofhouse server. A tool calls the HTTP API, and the Proofhouse
 * server checks the call. This process only divides the arguments of the tool into path, query and body.
 */
function bridge(parts: BridgeParts, cwd: string): McpServer {
  const server = new McpServer(
    { name: 'proofhouse', title: 'Proofhouse', version },
    { capabilities: { tools: { listChanged: false } }, instructions: toolInstructions },
  );
  server.server.setRequestHandler('tools/list', () => ({ tools: described }));
  server.server.setRequestHandler('tools/call', async ({ params }, { mcpReq: { signal } }) => {
    const row = requireTool(params.name);
    try {
      return toolSuccess(await callTool({ ...parts, cwd, signal }, row, toolArguments(params.arguments)));
    } catch (error) {
      if (signal.aborted) throw error;
      return toolFailure(knownError(error));
    }
  });
  return server;
}

const headers = { 'user-agent': `proofhouse-mcp/${version}` };

/**
 * Operations that report work on a job, so their texts are masked. Other texts, such as the payload of a new job, are
 * instructions.
 */
const reports: readonly OperationId[] = ['appendEvents', 'completeJob', 'completeJobs', 'failJob', 'ackCancel'];

interface Caller extends BridgeParts {
  readonly cwd: string;
  readonly signal: AbortSignal;
}

async function callTool(
  caller: Caller,
  { id, row }: ToolRow,
  given: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  if (id === 'putArtifact') return upload(caller, given);
  const { client, masking, signal } = caller;
  const { leaseId: lease, ...sent } = toolParts(row, given);
  const body = reports.includes(id) ? (masking.mask?.json(sent.body) ?? sent.body) : sent.body;
  const parts = { ...sent, body };
  // The URL path is built in this process, so its parameters are checked here. The server checks everything else.
  const params = parseFields(row.params, parts.params);
  const input = { ...parts, params, lease: opaqueValue('leaseId', lease), signal, headers };
  const idempotencyKey = opaqueValue('idempotencyKey', parts.idempotencyKey);
  // The type of the input depends on the operation id, which is known only at run time. So the types must be cast.
  return client.call(id as JsonOperationId, { ...input, idempotencyKey } as CallInput<JsonOperationId>);
}

const described = toolRows.map((each) =>
  describeTool(each.id === 'putArtifact' ? { ...each, tool: { ...each.tool, input: localUploadToolSchema } } : each),
);

async function upload({ client, masking, cwd, signal }: Caller, given: unknown): Promise<UploadToolAnswer> {
  const { path: file, ...input } = parseFields(localUploadToolSchema, given);
  const { jobId, name, leaseId: lease, idempotencyKey, contentType, type, title } = input;
  const options = { lease, idempotencyKey, signal, headers, masking };
  const labels = { name, contentType, type, title };
  if (file !== undefined) {
    if (input.text !== undefined || input.base64 !== undefined) throw pathExcludes();
    return stored(await uploadFile(client, jobId, { ...labels, path: path.resolve(cwd, file) }, options));
  }
  const bytes = uploadedBytes(input);
  if (typeof bytes === 'string') {
    // The answer will only explain how to upload the bytes, without a call to the server. So this call checks the job
    // first. It throws if the job does not exist or the caller may not read it.
    await client.jobs.get(jobId, { signal, headers });
    return explainUpload(client.url, input, bytes);
  }
  return stored(await uploadMasked(client, jobId, labels, contentOfBytes(bytes), options));
}

function stored({ artifact, ...masked }: MaskedUpload): UploadToolAnswer {
  const lines = maskingLines(artifact.name, masked).map((line) => ` ${line}.`);
  const note = `Stored ${artifact.sizeBytes} bytes as ${artifact.name}.${lines.join('')}`;
  return { artifact, upload: null, note };
}

function pathExcludes(): AppError {
  const errors = [{ path: 'path', message: 'excludes text and base64' }];
  return new AppError('invalid_request', 'The request is not valid: path: excludes text and base64.', { errors });
}

import { errorTable, toolFailure, toolSuccess, type Principal, type ToolResult } from '@proofhouse/core';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { isInitializeRequest, isJSONRPCNotification, isJSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appErrorOf, requirePrincipal, softwareOf } from '../calls/operation-call.ts';
import { callTool } from './call-tool.ts';
import type { McpParts } from './mcp-parts.ts';
import { mcpServer, type CallTool } from './mcp-server.ts';
import { OpenCalls } from './open-calls.ts';

const sessionHeader = 'mcp-session-id';

/**
 * The MCP server at `/mcp`: streamable HTTP, one answer to each request and no state between two. What holds for every
 * route (Host, Origin, the credential before the body, the size of a body) is decided before these handlers.
 */
export function addMcpRoutes(app: FastifyInstance, parts: McpParts): void {
  const open = new OpenCalls();
  const config = { mcp: true } as const;
  app.post('/mcp', { config }, (request, reply) => answerMessage(parts, open, request, reply));
  // No stream of the server's own messages, and no session to end (MCP 2025-11-25, "Streamable HTTP").
  app.route({
    method: ['GET', 'DELETE'],
    url: '/mcp',
    config,
    handler: (_request, reply) => refuse(reply.header('allow', 'POST'), 405, -32000, 'Send messages with POST.'),
  });
}

async function answerMessage(
  parts: McpParts,
  open: OpenCalls,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const message = request.body;
  if (Array.isArray(message)) return refuse(reply, 400, -32600, 'Send one message in each request.');
  const principal = requirePrincipal(request.principal);
  const session = sessionOf(request);
  if (isJSONRPCNotification(message) && message.method === 'notifications/cancelled') {
    open.cancel(principal, session, message.params?.['requestId']);
  }
  // Given to those who ask for one: it tells the requests of one client from those of another.
  if (isInitializeRequest(message)) reply.header(sessionHeader, parts.ids.token(32));
  const id = isJSONRPCRequest(message) ? message.id : undefined;
  const server = mcpServer(toolCaller(parts, request, principal));
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  const ended = Promise.withResolvers<Response>();
  const end = (): void => {
    // Nobody waits for the answer any more: what is under way is told to stop.
    void server.close();
    ended.resolve(new Response(null, { status: 202 }));
  };
  const forget = open.add(principal, session, id, end);
  reply.raw.once('close', end);
  try {
    const answering = transport.handleRequest(webRequest(request), { parsedBody: message ?? null });
    return await send(reply, await Promise.race([answering, ended.promise]));
  } finally {
    forget();
    await server.close();
  }
}

function toolCaller(parts: McpParts, request: FastifyRequest, principal: Principal): CallTool {
  const software = softwareOf(request.headers['user-agent']);
  const reauthenticate = () => request.reauthenticate?.() ?? Promise.resolve();
  return async (row, given, signal): Promise<ToolResult> => {
    try {
      const answer = await callTool(parts, row, given, { principal, software, signal, reauthenticate });
      request.log.info({ tool: row.tool.tool }, 'tool called');
      return toolSuccess(answer);
    } catch (error) {
      const known = appErrorOf(error);
      request.log.info({ tool: row.tool.tool, code: known.code }, 'tool called');
      if (errorTable[known.code].http >= 500) request.log.error({ err: error, code: known.code }, known.message);
      return toolFailure(known, request.id);
    }
  };
}

// The transport reads headers only: the body is parsed, the URL is ours, and who calls has been decided.
function webRequest(request: FastifyRequest): Request {
  const headers = new Headers();
  for (const name of ['accept', 'content-type', 'mcp-protocol-version']) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  return new Request('http://localhost/mcp', { method: 'POST', headers });
}

async function send(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  reply.code(response.status).header('cache-control', 'no-store');
  const type = response.headers.get('content-type');
  if (type === null) return reply.send();
  return reply.header('content-type', type).send(await response.text());
}

function sessionOf(request: FastifyRequest): string | undefined {
  const value = request.headers[sessionHeader];
  return typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value) ? value : undefined;
}

function refuse(reply: FastifyReply, status: number, code: number, message: string): FastifyReply {
  return reply.code(status).send({ jsonrpc: '2.0', error: { code, message }, id: null });
}

import { AppError, errorTable, toolFailure, toolSuccess, type Principal, type ToolResult } from '@proofhouse/core';
import { isInitializeRequest, isJSONRPCNotification, isJSONRPCRequest } from '@modelcontextprotocol/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { halfCloseOf } from '../calls/abort-signal.ts';
import { appErrorOf, requirePrincipal, softwareOf } from '../calls/operation-call.ts';
import { maskedError } from '../secrets/masked-error.ts';
import { callTool } from './call-tool.ts';
import type { McpParts } from './mcp-parts.ts';
import { McpDoor, type McpAnswer } from './mcp-door.ts';
import type { CallTool } from './mcp-server.ts';
import { OpenCalls } from './open-calls.ts';

const sessionHeader = 'mcp-session-id';

/**
 * Adds the routes of the MCP server at `/mcp`. The transport is streamable HTTP, stateless, with one answer to each
 * request. The checks of all routes (Host, Origin, credential before the body, size of the body) run before these handlers.
 */
export function addMcpRoutes(app: FastifyInstance, parts: McpParts): void {
  const open = new OpenCalls();
  const door = new McpDoor();
  const config = { mcp: true } as const;
  app.addHook('onClose', () => door.close());
  app.post('/mcp', { config }, (request, reply) => answerMessage({ parts, open, door }, request, reply));
  // In MCP, GET opens a stream of server messages and DELETE ends a session (MCP 2025-11-25, "Streamable HTTP"). This
  // server has neither streams nor sessions.
  app.route({
    method: ['GET', 'DELETE'],
    url: '/mcp',
    config,
    handler: (_request, reply) => refuse(reply.header('allow', 'POST'), 405, -32000, 'Send messages with POST.'),
  });
}

interface Door {
  readonly parts: McpParts;
  readonly open: OpenCalls;
  readonly door: McpDoor;
}

async function answerMessage(
  { parts, open, door }: Door,
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
  // The answer to `initialize` has a new session id. It is needed to cancel a call, because different clients use the
  // same request ids.
  if (isInitializeRequest(message)) reply.header(sessionHeader, parts.ids.token(32));
  const id = isJSONRPCRequest(message) ? message.id : undefined;
  const { refusedBody } = request;
  if (refusedBody !== undefined && !(isJSONRPCRequest(message) && message.method === 'tools/call')) throw refusedBody;
  const ended = new AbortController();
  // Aborts the call in progress. Called when the client disconnects or cancels the call.
  const end = (): void => ended.abort();
  const forget = open.add(principal, session, id, end);
  reply.raw.once('close', end);
  try {
    const call = toolCaller(parts, request, principal);
    const answer = await door.answer({
      request: webRequest(request, ended.signal),
      accept: request.headers.accept,
      message: message ?? null,
      call,
    });
    return await send(reply, answer);
  } finally {
    forget();
  }
}

function toolCaller(parts: McpParts, request: FastifyRequest, principal: Principal): CallTool {
  const software = softwareOf(request.headers['user-agent']);
  const reauthenticate = () => request.reauthenticate?.() ?? Promise.resolve();
  return async (row, given, signal): Promise<ToolResult> => {
    const ended = halfCloseOf(request.raw.socket);
    const waitSignal = AbortSignal.any([signal, ended.signal]);
    try {
      if (request.refusedBody !== undefined) throw ofArguments(request.refusedBody);
      const answer = await callTool(parts, row, given, {
        principal,
        software,
        remote: request.ip,
        signal,
        waitSignal,
        reauthenticate,
      });
      request.log.info({ tool: row.tool.tool }, 'tool called');
      return toolSuccess(answer);
    } catch (error) {
      const known = appErrorOf(error);
      request.log.info({ tool: row.tool.tool, code: known.code }, 'tool called');
      if (errorTable[known.code].http >= 500) request.log.error({ err: error, code: known.code }, known.message);
      return toolFailure(maskedError(known), request.id);
    } finally {
      ended.forget();
    }
  };
}

/** Returns the error of a refused message. The paths of tool arguments lose their prefix `params.arguments.`. */
function ofArguments(refusal: AppError): AppError {
  const plain = (text: string): string => text.replaceAll('params.arguments.', '');
  const errors = refusal.errors.map((field) => ({ ...field, path: plain(field.path) }));
  return new AppError(refusal.code, plain(refusal.message), { errors });
}

// Returns a request for the MCP library, which reads only its headers and its signal. The parsed body and the caller
// are passed separately. The URL has no meaning.
function webRequest(request: FastifyRequest, signal: AbortSignal): Request {
  const headers = new Headers({ accept: 'application/json, text/event-stream' });
  for (const [name, value] of Object.entries(request.headers)) {
    const isOfProtocol = name === 'content-type' || name.startsWith('mcp-');
    if (isOfProtocol && typeof value === 'string') headers.set(name, value);
  }
  return new Request('http://localhost/mcp', { method: 'POST', headers, signal });
}

function send(reply: FastifyReply, { status, contentType, body }: McpAnswer): FastifyReply {
  reply.code(status).header('cache-control', 'no-store');
  return contentType === undefined ? reply.send() : reply.header('content-type', contentType).send(body);
}

function sessionOf(request: FastifyRequest): string | undefined {
  const value = request.headers[sessionHeader];
  return typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value) ? value : undefined;
}

function refuse(reply: FastifyReply, status: number, code: number, message: string): FastifyReply {
  return reply.code(status).send({ jsonrpc: '2.0', error: { code, message }, id: null });
}

import { withoutNullArguments, withPlainError } from '@proofhouse/core';
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
  type McpHttpHandler,
} from '@modelcontextprotocol/server';
import { mcpServer, type CallTool } from './mcp-server.ts';

/** The answer to one MCP message. `body` is JSON, or a complete event stream if the client accepts only event streams. */
export interface McpAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

export interface McpMessage {
  /**
   * The request that the MCP library receives. It has the MCP headers of the client's request, and accepts both media
   * types (JSON and event stream). Its signal aborts the call.
   */
  readonly request: Request;
  /** The client's Accept header (RFC 9110 section 12.5.1). Undefined means that every media type is accepted. */
  readonly accept: string | undefined;
  /** The parsed JSON body; null if the body was empty. */
  readonly message: unknown;
  readonly call: CallTool;
}

/**
 * Answers MCP messages of both generations of the protocol: version 2026-07-28, and the versions of 2025 and before. It
 * keeps no state between two messages. A client may accept only JSON or only an event stream. An event stream contains
 * one answer.
 */
export class McpDoor {
  readonly #calls = new WeakMap<Request, CallTool>();
  readonly #asJson: McpHttpHandler;
  readonly #asEvents: McpHttpHandler;

  constructor() {
    this.#asJson = this.#modern('auto');
    this.#asEvents = this.#modern('sse');
  }

  async answer({ request, accept, message, call }: McpMessage): Promise<McpAnswer> {
    const parsedBody = withoutNullArguments(message);
    const asEvents = acceptsOnlyEvents(accept);
    this.#calls.set(request, call);
    const response = (await isLegacyRequest(request, parsedBody))
      ? await answerLegacy(request, parsedBody, call, !asEvents)
      : await (asEvents ? this.#asEvents : this.#asJson).fetch(request, { parsedBody });
    const contentType = response.headers.get('content-type') ?? undefined;
    const body = await response.text();
    return { status: response.status, contentType, body: withPlainErrors(body, contentType) };
  }

  close(): Promise<unknown> {
    return Promise.all([this.#asJson.close(), this.#asEvents.close()]);
  }

  // Returns the handler for version 2026-07-28. With `auto` it always answers JSON here, because no tool sends messages
  // before its result. Subscriptions are not supported.
  #modern(responseMode: 'auto' | 'sse'): McpHttpHandler {
    return createMcpHandler(
      ({ requestInfo }) => {
        const call = requestInfo && this.#calls.get(requestInfo);
        if (call === undefined) throw new Error('a message without a caller');
        return mcpServer(call);
      },
      { legacy: 'reject', responseMode, maxSubscriptions: 0, keepAliveMs: 0 },
    );
  }
}

async function answerLegacy(
  request: Request,
  parsedBody: unknown,
  call: CallTool,
  enableJsonResponse: boolean,
): Promise<Response> {
  const server = mcpServer(call);
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse });
  await server.connect(transport);
  const ended = Promise.withResolvers<Response>();
  const end = (): void => {
    void server.close();
    ended.resolve(new Response(null, { status: 202 }));
  };
  request.signal.addEventListener('abort', end, { once: true });
  try {
    const response = await Promise.race([transport.handleRequest(request, { parsedBody }), ended.promise]);
    // The body must be read before the MCP server is closed, because closing it ends the stream of the body.
    const body = await response.text();
    return new Response(body === '' ? null : body, response);
  } finally {
    request.signal.removeEventListener('abort', end);
    await server.close();
  }
}

/** Returns true if the client accepts an event stream but not JSON. A media type with `q=0` is not accepted. */
function acceptsOnlyEvents(accept = ''): boolean {
  const types = accept
    .split(',')
    .filter((range) => !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range))
    .map((range) => (range.split(';', 1)[0] ?? '').trim().toLowerCase());
  const json = ['application/json', 'application/*', '*/*'];
  return types.includes('text/event-stream') && !types.some((type) => json.includes(type));
}

function withPlainErrors(body: string, contentType: string | undefined): string {
  if (!body.includes('"error"')) return body;
  if (contentType?.startsWith('text/event-stream') === true) {
    return body.replace(/^data: (.*)$/gm, (_line, data: string) => `data: ${plainJson(data)}`);
  }
  return plainJson(body);
}

function plainJson(text: string): string {
  const message = JSON.parse(text) as unknown;
  return typeof message === 'object' && message !== null ? JSON.stringify(withPlainError(message)) : text;
}

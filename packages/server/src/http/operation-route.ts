import {
  AppError,
  idempotencyHeader,
  leaseHeader,
  opaqueValue,
  operations,
  takesIdempotencyKey,
  type Operation,
  type OperationId,
  type Operations,
  type Principal,
} from '@proofhouse/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  decodeCall,
  requirePrincipal,
  softwareOf,
  type JsonHandlers,
  type JsonOperationId,
  type OperationAnswer,
  type OperationCall,
} from '../calls/operation-call.ts';
import type { Credential } from '../calls/credential.ts';
import { abortSignalOf, waitSignalOf } from '../calls/abort-signal.ts';

/** A decoded call with its HTTP request and reply, for handlers that read or write streams of bytes. */
export interface HttpCall<Id extends OperationId> extends OperationCall<Id> {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

type ByteOperationId = Exclude<OperationId, JsonOperationId>;

/**
 * Handlers of operations whose request or response is not JSON. A handler may read the bytes of the request and return
 * a JSON answer. Or it sends the response itself with `sendBlob` or `sendEventStream`.
 */
type ByteHandlers = {
  [Id in ByteOperationId]: (
    call: HttpCall<Id>,
  ) => Promise<Operations[Id]['response'] extends 'json' ? OperationAnswer<Id> : FastifyReply>;
};

export type Handlers = JsonHandlers & ByteHandlers;

declare module 'fastify' {
  interface FastifyRequest {
    /** The authenticated caller. Set before the body is read, on all routes of the operations table and on `/mcp`. */
    principal: Principal | undefined;
    /** The credential of the caller, as hashes. Not set on /v0, which does not use `readCredential`. */
    credential: Credential | undefined;
    reauthenticate: (() => Promise<void>) | undefined;
    /** The error for a JSON body that was refused. Set for MCP, which reports such errors in its own format. */
    refusedBody: AppError | undefined;
    /** The Content-Type header, verbatim, of a request whose body is the bytes of the artifact. */
    bytesType: string | undefined;
  }
  interface FastifyContextConfig {
    operation?: OperationId;
    /** True for the routes of the MCP server. They check for each tool whether the principal may call it. */
    mcp?: true;
    /**
     * True if the route accepts any Host header. Probes of load balancers send the address of the server as Host, or no
     * Host.
     */
    anyHost?: true;
    /** True for a route outside the operations table that accepts a JSON body. */
    jsonBody?: true;
    /** True if the path contains a credential, which must not be logged. */
    secretPath?: true;
  }
}

/**
 * Adds one route for each row of the operations table. If a row has no handler, this is a type error. Routes whose body
 * is bytes are in their own Fastify scope. The parser of that scope does not read the body, because their handlers read
 * it as a stream.
 */
export function addOperationRoutes(app: FastifyInstance, handlers: Handlers, checkLease: CheckLease): void {
  const ids = Object.keys(operations) as OperationId[];
  const streams = (id: OperationId): boolean => ['bytes', 'multipart'].includes(operations[id].request);
  for (const id of ids.filter((each) => !streams(each))) addRoute(app, id, handlers, checkLease);
  void app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => {
      parsed(null);
    });
    // The Content-Type of an artifact is recorded verbatim. Then the header is deleted, because Fastify would reject an
    // invalid value.
    scope.addHook('onRequest', (request, _reply, next) => {
      const { operation } = request.routeOptions.config;
      if (operation !== undefined && operations[operation].request === 'bytes') {
        request.bytesType = request.headers['content-type'];
        delete request.raw.headers['content-type'];
      }
      next();
    });
    for (const id of ids.filter(streams)) addRoute(scope, id, handlers, checkLease);
    done();
  });
}

/**
 * Throws `lease_lost` if the lease of a call has ended. `mayRepeat` is true if the call has an idempotency key. It may
 * then repeat an earlier call, which must be answered even after the lease has ended. In this case only the existence
 * of the job is checked. Errors: `job_not_found`, `lease_lost`.
 */
export type CheckLease = (principal: Principal, jobId: string, leaseId: string, mayRepeat: boolean) => Promise<void>;

/** Largest body in bytes that usually arrives in the same packet as the headers. */
const smallBodyBytes = 16 * 1024;

/**
 * Returns a hook that checks the lease header of a JSON operation before the server waits for a large body. For a small
 * body the hook does nothing. Such a body has usually arrived already, and the store checks the lease again when it
 * writes. An early check would read the job a second time at every heartbeat. It would also hide the error for a wrong
 * `workerId` in the body. Uploads do not use this hook, because their handlers check the lease.
 */
function refuseLostLeaseEarly(row: Operation, checkLease: CheckLease) {
  return async (request: FastifyRequest): Promise<void> => {
    const { headers } = request.raw;
    if (!isWaitedFor(request)) return;
    const leaseId = opaqueValue(leaseHeader, headers[leaseHeader]);
    const { jobId } = request.params as { readonly jobId?: string };
    if (leaseId === undefined || jobId === undefined) return;
    const mayRepeat = takesIdempotencyKey(row) && headers[idempotencyHeader] !== undefined;
    await checkLease(requirePrincipal(request.principal), jobId, leaseId, mayRepeat);
  };
}

/** Returns true if the body has probably not arrived together with the headers. */
function isWaitedFor({ headers }: FastifyRequest): boolean {
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return true;
  return Number(headers['content-length'] ?? 0) > smallBodyBytes;
}

function addRoute(app: FastifyInstance, id: OperationId, handlers: Handlers, checkLease: CheckLease): void {
  const row: Operation = operations[id];
  // Each operation id has its own call type. TypeScript cannot infer the type of the call inside a loop over the ids.
  const handler = handlers[id] as (call: unknown) => Promise<unknown>;
  app.route({
    method: row.method === 'GET' ? ['GET', 'HEAD'] : row.method,
    url: row.path.replace(/\{\+\w+\}$/, '*').replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { operation: id },
    ...(row.lease && row.request === 'json' ? { onRequest: refuseLostLeaseEarly(row, checkLease) } : {}),
    handler: async (request, reply) => {
      const answer = await handler(callOf(row, request, reply));
      if (row.response === 'bytes' || row.response === 'sse') return answer;
      const { status, body } = answer as { readonly status?: 200; readonly body: unknown };
      return reply.code(status ?? row.status).send(body);
    },
  });
}

const names = {
  query: 'query.',
  leaseId: leaseHeader,
  idempotencyKey: idempotencyHeader,
};

function callOf(row: Operation, request: FastifyRequest, reply: FastifyReply): unknown {
  const { headers } = request.raw;
  let signal: AbortSignal | undefined;
  let waitSignal: AbortSignal | undefined;
  return {
    ...decodeCall(row, {
      principal: request.principal,
      params: paramsOf(row, request),
      query: requireDecodable(request),
      body: request.body === undefined ? {} : request.body,
      leaseId: headers[leaseHeader],
      idempotencyKey: headers[idempotencyHeader],
      ifMatch: headers['if-match'],
      names,
    }),
    // These fields are getters, because few handlers use them. A value is computed when it is read.
    get software() {
      return softwareOf(headers['user-agent']);
    },
    get signal() {
      return (signal ??= abortSignalOf(reply));
    },
    get waitSignal() {
      return (waitSignal ??= waitSignalOf(reply));
    },
    get remote() {
      return request.ip;
    },
    credential: request.credential,
    reauthenticate: () => request.reauthenticate?.() ?? Promise.resolve(),
    request,
    reply,
  };
}

// Returns the query. Throws `bad_request` for an invalid percent-escape. The query parser would keep such an escape as
// text. A damaged artifact URI would then be reported as an unknown artifact.
function requireDecodable(request: FastifyRequest): unknown {
  const start = request.url.indexOf('?');
  if (start === -1) return request.query;
  try {
    decodeURIComponent(request.url.slice(start + 1));
  } catch (error) {
    throw new AppError('bad_request', 'The query of the URL has a bad percent escape.', { cause: error });
  }
  return request.query;
}

function paramsOf(row: Operation, request: FastifyRequest): unknown {
  const { '*': rest, ...named } = request.params as Record<string, string>;
  const wild = /\{\+(\w+)\}$/.exec(row.path)?.[1];
  return wild === undefined ? named : { ...named, [wild]: rest };
}

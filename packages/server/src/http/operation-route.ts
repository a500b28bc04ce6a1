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

/** A call with the request and the reply, for handlers that stream bytes in or out. */
export interface HttpCall<Id extends OperationId> extends OperationCall<Id> {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

type ByteOperationId = Exclude<OperationId, JsonOperationId>;

/** Returns JSON after reading bytes, or sends the response itself, through `sendBlob` or `sendEventStream`. */
type ByteHandlers = {
  [Id in ByteOperationId]: (
    call: HttpCall<Id>,
  ) => Promise<Operations[Id]['response'] extends 'json' ? OperationAnswer<Id> : FastifyReply>;
};

export type Handlers = JsonHandlers & ByteHandlers;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body is read, on every route of the operations table and on those of `mcp`. */
    principal: Principal | undefined;
    /** Set where `readCredential` found it: on every route except those of /v0. */
    credential: Credential | undefined;
    reauthenticate: (() => Promise<void>) | undefined;
    /** The refusal of a message's JSON, for routes whose protocol reports it in its own format. */
    refusedBody: AppError | undefined;
    /** The Content-Type of a body that is the artifact itself, verbatim. */
    bytesType: string | undefined;
  }
  interface FastifyContextConfig {
    operation?: OperationId;
    /** The route of the MCP server, which checks the principal's class for each tool. */
    mcp?: true;
    /** Accepts any Host: probes of load balancers use the server's address, or no name. */
    anyHost?: true;
    /** A route outside the operations table that takes a JSON body. */
    jsonBody?: true;
    /** The path contains a credential, and is logged without it. */
    secretPath?: true;
  }
}

/**
 * Adds the routes of the whole table; a row without a handler does not compile. Rows that take bytes are in a scope whose
 * parser does not read the body: their handlers stream it.
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
    // The Content-Type of an artifact is recorded and must not be validated by fastify.
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
 * Refuses a call whose lease has ended. `mayRepeat`: the call carries an idempotency key, and a repetition is answered
 * after the lease too. Errors: `job_not_found`, `lease_lost`.
 */
export type CheckLease = (principal: Principal, jobId: string, leaseId: string, mayRepeat: boolean) => Promise<void>;

/** Bodies up to this size usually arrive in the same packet as the headers. */
const smallBodyBytes = 16 * 1024;

/**
 * For rows of JSON that take a lease: checks the lease of the header before waiting for a body. A small body has already
 * arrived, and its own commit checks the lease: an early check would save nothing, cost every heartbeat a second read of
 * its job, and precede the refusal of a wrong `workerId` in the body. (Uploads check for themselves.)
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

function isWaitedFor({ headers }: FastifyRequest): boolean {
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return true;
  return Number(headers['content-length'] ?? 0) > smallBodyBytes;
}

function addRoute(app: FastifyInstance, id: OperationId, handlers: Handlers, checkLease: CheckLease): void {
  const row: Operation = operations[id];
  // The table pairs each id with the type of its handler; a loop over ids loses that pairing.
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
      names,
    }),
    // Most handlers use neither, so signals and software are computed on demand.
    get software() {
      return softwareOf(headers['user-agent']);
    },
    get signal() {
      return (signal ??= abortSignalOf(reply));
    },
    get waitSignal() {
      return (waitSignal ??= waitSignalOf(reply));
    },
    credential: request.credential,
    reauthenticate: () => request.reauthenticate?.() ?? Promise.resolve(),
    request,
    reply,
  };
}

// The query parser keeps invalid escapes, so a damaged URI would only be reported as unknown.
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

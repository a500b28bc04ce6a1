import type { IncomingMessage } from 'node:http';
import {
  AppError,
  idempotencyHeader,
  leaseHeader,
  may,
  operations,
  type FieldError,
  type InputOf,
  type OperationId,
  type Operations,
  type OutputOf,
  type Principal,
  type Operation,
} from '@proofhouse/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';

/** One decoded call, as the handler of an operation gets it. */
export interface OperationCall<Id extends OperationId> extends InputOf<Operations[Id]> {
  readonly principal: Principal;
  /** The `Proofhouse-Lease` header. */
  readonly leaseId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** What a JSON operation answers; 200 instead of the row's status for a repetition. */
export interface OperationAnswer<Id extends OperationId> {
  readonly status?: 200;
  readonly body: OutputOf<Operations[Id]>;
}

export type JsonHandler<Id extends OperationId> = (call: OperationCall<Id>) => Promise<OperationAnswer<Id>>;
/** Answers by itself, through `sendBlob`. */
export type BytesHandler<Id extends OperationId> = (call: OperationCall<Id>) => Promise<FastifyReply>;

type BytesOperation = 'downloadArtifact';
export type Handlers = {
  [Id in OperationId]: Id extends BytesOperation ? BytesHandler<Id> : JsonHandler<Id>;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body is read, on every route of the operations table. */
    principal: Principal | undefined;
    /** The Content-Type of a body that is the artifact itself, as it was sent. */
    bytesType: string | undefined;
  }
  interface FastifyContextConfig {
    operation?: OperationId;
  }
}

/**
 * Adds the routes of the whole table; a row without a handler does not compile. Rows that take bytes
 * live in a scope whose parser leaves the body alone: their handlers stream it.
 */
export function addOperationRoutes(app: FastifyInstance, handlers: Handlers): void {
  const ids = Object.keys(operations) as OperationId[];
  const streams = (id: OperationId): boolean => ['bytes', 'multipart'].includes(operations[id].request);
  for (const id of ids.filter((each) => !streams(each))) addRoute(app, id, handlers);
  void app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => {
      parsed(null);
    });
    // What the client calls its bytes is theirs to record, not fastify's to judge.
    scope.addHook('onRequest', (request, _reply, next) => {
      const { operation } = request.routeOptions.config;
      if (operation !== undefined && operations[operation].request === 'bytes') {
        request.bytesType = request.headers['content-type'];
        delete request.raw.headers['content-type'];
      }
      next();
    });
    for (const id of ids.filter(streams)) addRoute(scope, id, handlers);
    done();
  });
}

function addRoute(app: FastifyInstance, id: OperationId, handlers: Handlers): void {
  const row: Operation = operations[id];
  // The table pairs each id with its handler's type; the loop over ids loses that pairing.
  const handler = handlers[id] as (call: unknown) => Promise<unknown>;
  app.route({
    method: row.method === 'GET' ? ['GET', 'HEAD'] : row.method,
    url: row.path.replace(/\{\+\w+\}$/, '*').replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { operation: id },
    handler: async (request, reply) => {
      const answer = await handler(decode(row, request, reply));
      if (row.response === 'bytes') return answer;
      const { status, body } = answer as OperationAnswer<OperationId>;
      return reply.code(status ?? row.status).send(body);
    },
  });
}

/** Refuses by class, before any look-up and before the body is read. */
export function requireClass(id: OperationId, principal: Principal): void {
  const row = operations[id];
  if (may(principal, row.action)) return;
  throw new AppError('forbidden', `A ${principal.kind} credential may not do this: ${row.summary.toLowerCase()}.`);
}

function decode(row: Operation, request: FastifyRequest, reply: FastifyReply): unknown {
  const body = row.request === 'json' ? parse(row.body, request.body ?? {}, '') : undefined;
  return {
    principal: request.principal,
    params: parse(row.params, paramsOf(row, request), ''),
    query: parse(row.query, request.query, 'query.'),
    body,
    leaseId: row.lease ? tokenHeader(request.raw, leaseHeader) : undefined,
    idempotencyKey: row.idempotent ? tokenHeader(request.raw, idempotencyHeader) : undefined,
    request,
    reply,
  };
}

function paramsOf(row: Operation, request: FastifyRequest): unknown {
  const { '*': rest, ...named } = request.params as Record<string, string>;
  const wild = /\{\+(\w+)\}$/.exec(row.path)?.[1];
  return wild === undefined ? named : { ...named, [wild]: rest };
}

function parse(schema: z.ZodType, value: unknown, prefix: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => fieldErrors(issue, prefix));
  const shown = errors.slice(0, 3).map((error) => `${error.path}: ${error.message}`);
  throw new AppError('invalid_request', `The request is not valid: ${shown.join('; ')}.`, { errors });
}

function fieldErrors(issue: z.core.$ZodIssue, prefix: string): FieldError[] {
  const path = `${prefix}${issue.path.map(String).join('.')}`;
  if (issue.code === 'unrecognized_keys') {
    const at = path === prefix ? prefix : `${path}.`;
    return issue.keys.map((key) => ({ path: `${at}${key.slice(0, 80)}`, message: 'is not a known field' }));
  }
  return [{ path: path === '' ? 'body' : path, message: issue.message }];
}

/** A header that carries one opaque value of at most 255 characters. */
function tokenHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(value)) {
    throw new AppError('invalid_request', `The header ${name} must be 1 to 255 printable characters without spaces.`, {
      errors: [{ path: name, message: 'is not usable' }],
    });
  }
  return value;
}

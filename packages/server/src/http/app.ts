import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { actorOf, AppError, operations, requestIdHeader } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Ids } from '../kernel/ids.ts';
import type { Load } from '../kernel/load.ts';
import type { Logger } from '../kernel/logger.ts';
import type { PrometheusMeter } from '../metrics/prometheus-meter.ts';
import { acceptBody } from './bytes/accept-body.ts';
import { admissionTo, requireSoundHeaders, type AdmissionParts } from './admission.ts';
import { authenticateV0, requireExperiment } from './v0/authenticate-v0.ts';
import { sendError } from './error-response.ts';
import { countLoad } from './count-load.ts';
import { isUtf8Json, parseJsonBody } from './bytes/json-body.ts';
import { limits } from './limits.ts';
import { isClosing } from './bytes/linger-close.ts';
import { addOperationRoutes, type CheckLease, type Handlers } from './operation-route.ts';
import { requireWholeBody } from './bytes/body-headers.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { bodyIsUnread, closeAfterAnswer } from './refuse-early.ts';
import { addHealthRoutes, type Health } from './routes/health.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import { addDocsRoutes, addPageRoutes } from './routes/pages.ts';
import { addSessionRoutes, type SessionRoutesParts } from './routes/session.ts';
import { addTicketRoutes, type TicketParts } from './routes/tickets.ts';
import { V0Door } from './v0/v0-door.ts';

export interface AppParts extends AdmissionParts {
  readonly handlers: Handlers;
  readonly checkLease: CheckLease;
  readonly health: Health;
  readonly meter: PrometheusMeter;
  readonly session: SessionRoutesParts;
  readonly tickets: TicketParts;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /**
   * Adds the routes of the MCP server below the base path. The hooks of this app (Fastify functions that run for each
   * request) apply to these routes too.
   */
  readonly addMcpRoutes: (scope: FastifyInstance) => void;
  /** The path prefix of all routes, such as `/work`, or an empty string. */
  readonly basePath: string;
  /** Base URL of the server. It includes the base path and has no trailing slash. */
  readonly baseUrl: () => string;
  readonly trustProxy: readonly string[];
  /** Milliseconds after which a connection without a request is closed. */
  readonly keepAliveMs: number;
  /**
   * If no byte arrives or leaves for this time (ms) during a request, the socket is closed. Must be longer than the
   * longest long poll.
   */
  readonly stalledMs: number;
  readonly maxConnections: number;
  readonly load: Load;
}

/** Builds the HTTP server. All rules that apply to every route are here, in the order in which they are applied. */
export function buildApp(parts: AppParts): FastifyInstance {
  const logger: FastifyBaseLogger = parts.logger;
  const wire = new V0Door(parts);
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => parts.ids.uuid(),
    requestIdHeader: false,
    bodyLimit: limits.jsonBytes,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 2048 },
    trustProxy: parts.trustProxy.length === 0 ? false : [...parts.trustProxy],
    keepAliveTimeout: parts.keepAliveMs,
    connectionTimeout: parts.stalledMs,
    requestTimeout: 0,
    http: { maxHeaderSize: limits.headerBytes, headersTimeout: limits.headersMs, requireHostHeader: false },
    forceCloseConnections: 'idle',
    // While the server stops, requests on open connections are still answered. Each connection is then closed.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      void refuseUnroutable(error, request, reply, parts, wire);
    },
    clientErrorHandler: (error, socket) => {
      answerBrokenRequest(error, socket, parts.ids.uuid(), { wire, clock: parts.clock });
    },
  });
  app.decorateRequest('principal', undefined);
  app.decorateRequest('credential', undefined);
  app.decorateRequest('reauthenticate', undefined);
  app.decorateRequest('bytesType', undefined);
  app.decorateRequest('refusedBody', undefined);
  app.setErrorHandler((error, request, reply) => {
    parts.meter.failed(sendError(error, request, reply, wire));
  });
  app.setNotFoundHandler((request, reply) => {
    sendError(new AppError('not_found', `There is no ${request.method} ${pathOf(request)}.`), request, reply, wire);
  });
  app.server.maxConnections = parts.maxConnections;
  answerExpectationsLate(app);
  useJsonBodies(app, parts.clock);
  useRequestRules(app, parts, wire);
  endConnectionsWhenStopping(app);
  answerHalfClosed(app);
  void app.register(
    (scope, _, done) => {
      addOperationRoutes(scope, parts.handlers, parts.checkLease);
      parts.addMcpRoutes(scope);
      addHealthRoutes(scope, parts.health);
      addMetricsRoute(scope, parts.meter, parts.authentication);
      addSessionRoutes(scope, parts.session);
      addTicketRoutes(scope, parts.tickets);
      addDocsRoutes(scope);
      addPageRoutes(scope);
      done();
    },
    { prefix: parts.basePath },
  );
  return app;
}

// Answers a request whose path the router refuses. Fastify has run no hook for it, because no route matches.
async function refuseUnroutable(
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
  parts: AppParts,
  wire: V0Door,
): Promise<void> {
  if (bodyIsUnread(request.raw)) closeAfterAnswer(request.raw, reply.raw, parts.clock);
  try {
    requireSoundHeaders(request, parts, wire);
    if (wire.takes(request.url)) await requireV0Frame(error, request, parts, wire);
    sendError(error, request, reply, wire);
  } catch (refusal) {
    sendError(refusal, request, reply, wire);
  }
}

// Checks the credential and the experiment header of a /v0 request. If the path has an invalid percent-escape, it names
// no experiment. Then only the credential is checked, and the caller reports the invalid escape.
async function requireV0Frame(
  error: Error,
  request: FastifyRequest,
  { authentication, experiments }: AppParts,
  wire: V0Door,
): Promise<void> {
  const experimentId = wire.experimentOf(request.url);
  const principal = await authenticateV0(request.headers, experimentId, authentication);
  const isBadEscape = (error as { code?: unknown }).code === 'FST_ERR_BAD_URL';
  if (experimentId === undefined || isBadEscape) return;
  await requireExperiment(request.headers, experimentId, principal, experiments);
}

function useRequestRules(app: FastifyInstance, parts: AppParts, wire: V0Door): void {
  app.addHook('onRequest', (request, reply, next) => {
    // The answer to the current request has `Connection: close`. If the client pipelined another request behind it,
    // that request is dropped, because no further answer can be sent.
    if (isClosing(request.raw.socket)) reply.hijack();
    else next();
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header(requestIdHeader, request.id);
    requireSoundHeaders(request, parts, wire);
    const admit = admissionTo(request, parts, wire);
    if (admit === undefined) return;
    request.reauthenticate = admit;
    await admit();
    countLoad(request, reply, parts.load);
  });
  app.addHook('onSend', (request, reply, _payload, next) => {
    if (bodyIsUnread(request.raw)) closeAfterAnswer(request.raw, reply.raw, parts.clock);
    next();
  });
  app.addHook('onResponse', (request, reply, next) => {
    logAnswer(request, reply);
    const { operation = 'other' } = request.routeOptions.config;
    parts.meter.answered(operation, reply.statusCode, reply.elapsedTime);
    next();
  });
  app.addHook('onRequestAbort', async (request) => {
    request.log.info({ method: request.method, path: pathOf(request), by: nameOf(request) }, 'client went away');
  });
}

// Writes one log line for each request: method, path, status, duration and caller. Headers and queries are never logged.
function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  request.log.info(
    {
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      by: nameOf(request),
    },
    'answered',
  );
}

function nameOf({ principal }: FastifyRequest): string | undefined {
  return principal === undefined ? undefined : actorOf(principal);
}

/**
 * Parses a JSON body. Throws when it contains a value that could not be returned exactly as it was sent. Two protocols
 * report this error in another form. MCP reports it in its own message (`refusedBody`). /v0 reports a refused `name` as
 * `invalid_name` (422 `invalid-name`).
 */
function readJson(request: FastifyRequest, body: Buffer): unknown {
  const { value, refusal } = parseJsonBody(body);
  if (refusal === undefined) return value;
  if (request.routeOptions.config.mcp === true && refusal.code === 'invalid_request') {
    request.refusedBody = refusal;
    return value;
  }
  const isName = request.url.includes('/v0/') && refusal.errors[0]?.path === 'name';
  throw isName ? new AppError('invalid_name', refusal.message, { errors: refusal.errors }) : refusal;
}

/**
 * Adds the parser and the checks of JSON bodies. A JSON route accepts JSON or an empty body. The body must arrive
 * within `limits.jsonMs`. The Content-Type of an empty body is ignored.
 */
function useJsonBodies(app: FastifyInstance, clock: Clock): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : readJson(request, body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onRequest', (request, _reply, next) => {
    if (!takesBytes(request) && !bodyIsUnread(request.raw)) delete request.raw.headers['content-type'];
    next();
  });
  app.addHook('preParsing', (request, reply, payload, next) => {
    // If the body is bytes, the handler checks the body headers itself, after it has checked the credential and the
    // lease.
    if (!takesBytes(request) && bodyIsUnread(request.raw)) requireWholeBody(request, reply);
    if (takesJson(request) && bodyIsUnread(request.raw)) {
      requireJson(request);
      acceptBody(request, reply);
      // The timeout is emitted as an error of the body stream, so that an answer can be sent. If the stream were
      // destroyed, the socket would be closed first.
      const cancel = clock.after(limits.jsonMs, () => {
        payload.emit('error', new AppError('request_timeout', `The body took longer than ${limits.jsonMs / 1000} s.`));
      });
      payload.once('end', cancel).once('close', cancel);
    }
    next(null, payload);
  });
}

function takesJson(request: FastifyRequest): boolean {
  const { operation, mcp, jsonBody } = request.routeOptions.config;
  if (jsonBody === true) return true;
  if (mcp === true) return request.method === 'POST';
  return operation !== undefined && operations[operation].request === 'json';
}

function takesBytes(request: FastifyRequest): boolean {
  const { operation } = request.routeOptions.config;
  return operation !== undefined && ['bytes', 'multipart'].includes(operations[operation].request);
}

// Checks the headers of a JSON body before the server sends `100 Continue`.
function requireJson(request: FastifyRequest): void {
  if (request.mediaType !== 'application/json') {
    throw new AppError('unsupported_media_type', 'Send the body as application/json.');
  }
  if (!isUtf8Json(request.headers['content-type'])) {
    throw new AppError('unsupported_media_type', 'JSON is UTF-8; send it without another charset.');
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.jsonBytes) {
    throw new AppError('body_too_large', 'The JSON body is larger than 1 MiB.');
  }
}

/**
 * Closes connections that become idle after the stop began. Node itself closes only those that are idle at the
 * beginning of the stop, and waits for the others.
 */
function endConnectionsWhenStopping(app: FastifyInstance): void {
  let stopping = false;
  // Connections on which no request has arrived yet. Node does not count these as idle. Browsers open connections in
  // advance.
  const silent = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  app.server.on('request', ({ socket }) => silent.delete(socket));
  app.addHook('preClose', async () => {
    for (const socket of silent) socket.destroy();
    stopping = true;
  });
  app.addHook('onSend', (_request, reply, _payload, next) => {
    if (stopping) reply.header('connection', 'close');
    next();
  });
  app.addHook('onResponse', (_request, _reply, next) => {
    if (stopping) setImmediate(() => app.server.closeIdleConnections());
    next();
  });
}

/**
 * Makes the server answer a client that half-closes the connection after a complete request (RFC 9112 section 9.6). By
 * default Node drops the answer although the operation was executed. For example, a job would stay claimed under a
 * lease id that no client received.
 */
function answerHalfClosed(app: FastifyInstance): void {
  (app.server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
}

/**
 * Handles requests with `Expect` like all other requests, so that `100 Continue` is sent after the checks. By default
 * Node sends it before the checks.
 */
function answerExpectationsLate(app: FastifyInstance): void {
  // A server may ignore an unknown expectation (RFC 9110 section 10.1.1).
  for (const event of ['checkContinue', 'checkExpectation'] as const) {
    app.server.on(event, (request, response) => {
      app.server.emit('request', request, response);
    });
  }
}

const ticketPaths = /(\/api\/tickets\/)[^/?#]+/i;

// Returns the path of a request for logs and messages, without secrets. If the target has the absolute form (RFC 9112
// section 3.2.2), its host part is removed, because it may contain a password. A ticket in a path is a credential. So a
// route with `secretPath` is logged as the pattern of the route, because the path itself may contain the ticket in
// percent-escapes.
function pathOf(request: FastifyRequest): string {
  if (request.routeOptions.config.secretPath === true) return request.routeOptions.url ?? '';
  const path = request.url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split('?', 1)[0] ?? '';
  return decoded(path).replace(ticketPaths, '$1…');
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

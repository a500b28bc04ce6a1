import type { FastifyInstance } from 'fastify';
import { descriptorLimits, mostConnections } from '../config/most-connections.ts';
import { buildApp } from '../http/app.ts';
import type { Handlers } from '../http/operation-route.ts';
import { pacedLists } from '../http/paced-lists.ts';
import { addMcpRoutes } from '../mcp/mcp-routes.ts';
import type { AccessServices } from './access.ts';
import type { ArtifactServices } from './artifacts.ts';
import type { QueueServices } from './queue.ts';
import type { SharedServices } from './shared-services.ts';
import { storageChecks } from './storage.ts';

/**
 * What the HTTP server needs from the other parts: the handlers of all areas, and the services that HTTP and MCP call
 * directly.
 */
export interface HttpServerNeeds {
  readonly handlers: Handlers;
  readonly jobs: QueueServices['jobs'];
  readonly access: AccessServices;
  readonly artifacts: ArtifactServices;
}

/** Constructs the HTTP server, with MCP as one of its routes. */
export function composeHttpServer(shared: SharedServices, needs: HttpServerNeeds): FastifyInstance {
  const { config, clock, clocks, ids, logger, load, meter, baseUrl } = shared;
  const { jobUploads, tickets } = needs.artifacts;
  const { authentication, experiments } = needs.access;
  const handlers = pacedLists(needs.handlers);
  return buildApp({
    handlers,
    checkLease: (...call) => needs.jobs.checkLease(...call),
    addMcpRoutes: (scope) => addMcpRoutes(scope, { handlers, jobUploads, ids, baseUrl }),
    authentication,
    tickets,
    session: { authentication, basePath: config.basePath, secure: config.publicUrl?.startsWith('https:') === true },
    experiments,
    hostPolicy: { boundHost: config.host, publicUrl: config.publicUrl, allowedHosts: config.allowedHosts },
    keepAliveMs: config.keepAliveMs,
    stalledMs: config.stalledMs,
    maxConnections: mostConnections(config.maxConnections, descriptorLimits()),
    load,
    meter,
    health: { clock, checks: storageChecks(shared), clocks: () => clocks.report },
    clock,
    ids,
    logger,
    basePath: config.basePath,
    baseUrl,
    trustProxy: config.trustProxy,
  });
}

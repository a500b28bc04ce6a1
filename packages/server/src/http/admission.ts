import { operations, type Operation, type Principal } from '@proofhouse/core';
import type { FastifyRequest } from 'fastify';
import { requireClass } from '../calls/operation-call.ts';
import type { Experiments } from '../experiments/experiments.ts';
import { authenticateV0, requireExperiment } from './v0/authenticate-v0.ts';
import { principalOf, readCredential, type AuthenticateParts } from './authenticate.ts';
import { requireChunkedAtMost } from './bytes/body-headers.ts';
import { requireOwnOrigin, requireSameOrigin, type HostPolicy } from './same-origin.ts';
import { requireSingleHeaders } from './bytes/single-headers.ts';
import type { V0Door } from './v0/v0-door.ts';

export interface AdmissionParts {
  readonly authentication: AuthenticateParts;
  readonly experiments: Experiments;
  readonly hostPolicy: HostPolicy;
}

/**
 * Refuses requests that neither the page of this server nor a correct client sends. Errors: `bad_request`,
 * `unauthenticated`, `forbidden`.
 */
export function requireSoundHeaders(request: FastifyRequest, { hostPolicy }: AdmissionParts, wire: V0Door): void {
  requireChunkedAtMost(request.raw);
  requireSingleHeaders(request.raw, wire.takes(request.url) ? 'unauthenticated' : 'bad_request');
  const { host, headers, routeOptions } = request;
  if (routeOptions.config.anyHost === true) requireOwnOrigin(hostPolicy, host, headers.origin);
  else requireSameOrigin(hostPolicy, host, headers.origin);
}

/**
 * Authenticates the caller and checks the class of the principal, from the path and the headers alone; undefined for routes
 * that are open to all. The returned check can be repeated while a call lasts. On /v0 it runs before routing, so unknown
 * paths are answered with 404 only to callers with a credential.
 */
export function admissionTo(
  request: FastifyRequest,
  parts: AdmissionParts,
  wire: V0Door,
): (() => Promise<void>) | undefined {
  const { operation, mcp } = request.routeOptions.config;
  const row: Operation | undefined = operation === undefined ? undefined : operations[operation];
  const find = ((): (() => Promise<Principal>) | undefined => {
    const isV0 = row === undefined ? wire.takes(request.url) : row.door === 'v0';
    if (isV0) return () => v0Caller(request, row, parts, wire);
    if (row === undefined && mcp === undefined) return undefined;
    // Sessions belong to the page; programs that speak MCP send a token.
    const headers = mcp === true ? { ...request.headers, cookie: undefined } : request.headers;
    // Reading artifacts needs the groups of the caller, and the called tool is not known yet.
    const membership = mcp === true || row?.action.startsWith('artifact.') === true;
    return async () => {
      request.credential = readCredential(headers);
      return principalOf(request.credential, parts.authentication, { membership });
    };
  })();
  return (
    find &&
    (async () => {
      request.principal = await find();
      if (operation !== undefined) requireClass(operation, request.principal);
    })
  );
}

async function v0Caller(
  request: FastifyRequest,
  row: Operation | undefined,
  { authentication, experiments }: AdmissionParts,
  wire: V0Door,
): Promise<Principal> {
  const { headers, params, url } = request;
  const experimentId =
    row === undefined ? wire.experimentOf(url) : (params as { readonly experimentId: string }).experimentId;
  const principal = await authenticateV0(headers, experimentId, authentication);
  if (experimentId !== undefined) await requireExperiment(headers, experimentId, principal, experiments);
  return principal;
}

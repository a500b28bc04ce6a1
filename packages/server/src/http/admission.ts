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
 * Throws if the headers or the URL are invalid or ambiguous. Also throws if a page of another origin caused the
 * request. Errors: `bad_request`, `unsupported` (transfer coding), `unauthenticated` (two credentials on /v0),
 * `forbidden` (Host or Origin).
 */
export function requireSoundHeaders(request: FastifyRequest, { hostPolicy }: AdmissionParts, wire: V0Door): void {
  requireChunkedAtMost(request.raw);
  requireSingleHeaders(request.raw, wire.takes(request.url) ? 'unauthenticated' : 'bad_request');
  const { host, headers, routeOptions } = request;
  if (routeOptions.config.anyHost === true) requireOwnOrigin(hostPolicy, host, headers.origin);
  else requireSameOrigin(hostPolicy, host, headers.origin);
}

/**
 * Returns a function that authenticates the caller and checks whether its kind of principal may call the operation. The
 * function reads only the path and the headers, and a long call may run it again. Routes that need no credential have
 * no such function; the result is then undefined. Unknown paths below /v0 are authenticated too, so only callers with a
 * credential get a 404.
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
    // MCP clients send a token, and the session cookie is only for the web page. So a cookie does not authenticate a
    // request to /mcp.
    const headers = mcp === true ? { ...request.headers, cookie: undefined } : request.headers;
    // Access to artifacts depends on the groups of the caller. So the groups are read for operations on artifacts. They
    // are also read for every MCP call, because its operation is not known yet.
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

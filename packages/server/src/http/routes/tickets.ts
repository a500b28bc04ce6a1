import { AppError, type Principal } from '@proofhouse/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { requireKept, type Artifacts } from '../../artifacts/artifacts.ts';
import { requireClass } from '../../calls/operation-call.ts';
import type { TicketGrant, Tickets } from '../../users/tickets.ts';
import type { Credential } from '../../calls/credential.ts';
import type { Load } from '../../kernel/load.ts';
import { countDownload } from '../count-load.ts';
import { principalOf, type AuthenticateParts } from '../authenticate.ts';
import type { Handlers } from '../operation-route.ts';
import { sendArtifact } from '../bytes/send-artifact.ts';

export interface TicketParts {
  readonly tickets: Tickets<Credential>;
  readonly artifacts: Artifacts;
  readonly authentication: AuthenticateParts;
  readonly load: Load;
  /** The path prefix of all routes, such as `/work`, or an empty string. */
  readonly basePath: string;
  readonly baseUrl: () => string;
}

/**
 * Returns the handler that creates tickets (short-lived URLs for the download of one artifact). The caller must be
 * allowed to read the artifact.
 */
export function ticketHandlers(parts: TicketParts): Pick<Handlers, 'createTicket'> {
  return {
    createTicket: async ({ principal, credential, body }) => {
      if (credential === undefined) throw new AppError('forbidden', 'Make tickets over HTTP, with a credential.');
      const place = placeOf(body.path, parts.basePath);
      requireKept(await artifactOf(parts, principal, place));
      const { ticket, expiresAt } = parts.tickets.make({ ...place, kind: body.kind, holder: credential });
      const path = `api/tickets/${ticket}`;
      return {
        body: { url: `${parts.baseUrl()}/${path}`, path, expiresAt: new Date(expiresAt).toISOString() },
      };
    },
  };
}

/**
 * Adds `/api/tickets/{ticket}`, which sends the artifact of a ticket. The ticket is the only credential of the request.
 */
export function addTicketRoutes(app: FastifyInstance, parts: TicketParts): void {
  app.route<{ Params: { ticket: string } }>({
    method: ['GET', 'HEAD'],
    url: '/api/tickets/:ticket',
    config: { secretPath: true },
    handler: async (request, reply) => {
      reply.header('referrer-policy', 'no-referrer').header('cache-control', 'private');
      const grant = parts.tickets.open(request.params.ticket, useOf(request));
      if (grant === undefined)
        throw new AppError('unauthenticated', 'This link was used or is too old; make a new one.');
      const principal = await principalOf(grant.holder, parts.authentication, { membership: true });
      request.principal = principal;
      request.credential = grant.holder;
      if (request.method !== 'HEAD') countDownload(request, reply, parts.load);
      requireClass(grant.jobId === undefined ? 'readArtifactContent' : 'downloadArtifact', principal);
      return sendArtifact(request, reply, parts.artifacts, await artifactOf(parts, principal, grant));
    },
  });
}

function useOf({ method, headers }: FastifyRequest): 'start' | 'resume' | 'look' {
  if (method === 'HEAD') return 'look';
  return /^bytes=\d*-\d*$/.test(headers.range ?? '') ? 'resume' : 'start';
}

type Place = Pick<TicketGrant<unknown>, 'jobId' | 'artifactId'>;

function artifactOf({ artifacts }: TicketParts, principal: Principal, { jobId, artifactId }: Place) {
  return jobId === undefined ? artifacts.get(principal, artifactId) : artifacts.getOfJob(principal, jobId, artifactId);
}

const ofJob = /^\/api\/queue\/jobs\/([\w-]+)\/artifacts\/([\w-]+)\/download$/;
const byItself = /^\/api\/artifacts\/([\w-]+)\/content$/;

/**
 * Parses the path of a download, with or without the base path. Returns the artifact id, and the job id if the path
 * contains one. Errors: `invalid_request`.
 */
function placeOf(path: string, basePath: string): Place {
  const local = path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path;
  const [, jobId, ofJobId] = ofJob.exec(local) ?? [];
  const artifactId = ofJobId ?? byItself.exec(local)?.[1];
  if (artifactId !== undefined) return { jobId, artifactId };
  const message = 'must be the path of the download or the content of an artifact, without a query';
  throw new AppError('invalid_request', `path: ${message}.`, { errors: [{ path: 'path', message }] });
}

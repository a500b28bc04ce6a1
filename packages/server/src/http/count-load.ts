import { actorOf, operations } from '@proofhouse/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sha256Hex } from '../kernel/secret.ts';
import type { Load, LoadKind } from '../kernel/load.ts';

/**
 * Counts an authenticated request until its response is closed. Throws `too_busy` if the credential or the whole server
 * has reached a limit.
 */
export function countLoad(request: FastifyRequest, reply: FastifyReply, load: Load): void {
  const key = keyOf(request);
  const { operation } = request.routeOptions.config;
  until(reply, load.enter('requests', key));
  until(reply, load.answer(key, reply.raw));
  const kind = operation === undefined || request.method === 'HEAD' ? undefined : kinds[operations[operation].response];
  if (kind !== undefined) until(reply, load.enter(kind, key));
}

/**
 * Counts a download by ticket, as `countLoad` does for operations. The ticket route needs its own function because it
 * has no row in the operations table. Errors: `too_busy`.
 */
export function countDownload(request: FastifyRequest, reply: FastifyReply, load: Load): void {
  const key = keyOf(request);
  until(reply, load.answer(key, reply.raw));
  until(reply, load.enter('downloads', key));
}

const kinds: Readonly<Record<string, LoadKind | undefined>> = { sse: 'streams', bytes: 'downloads' };

// Counts are kept for each credential and not for each worker, because several machines may share one worker id.
function keyOf({ credential, principal }: FastifyRequest): string {
  if (credential?.kind === 'token') return credential.sha256;
  if (credential?.kind === 'session') return sha256Hex(JSON.stringify(credential));
  return principal === undefined ? 'nobody' : `${principal.kind}:${actorOf(principal)}`;
}

function until(reply: FastifyReply, leave: () => void): void {
  reply.raw.once('close', leave);
}

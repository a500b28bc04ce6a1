import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Sends `100 Continue` to a client that sent `Expect: 100-continue` (RFC 9110 section 10.1.1). Must be called after all
 * checks that need only the URL, the credential and the headers.
 */
export function acceptBody(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue();
}

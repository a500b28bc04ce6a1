import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Tells a client that sent `Expect: 100-continue` to go on (RFC 9110 section 10.1.1). Called when all
 * that URL, credential and headers decide has been decided.
 */
export function acceptBody(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue();
}

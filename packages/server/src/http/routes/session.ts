import { AppError } from '@proofhouse/core';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { SignIn } from '../../users/sign-in.ts';
import { readSessionCookie, writeSessionCookie } from '../session-cookie.ts';

const bodySchema = z.strictObject({ code: z.string().min(1).max(255) });

export interface SessionRoutesParts {
  readonly signIn: SignIn;
  readonly basePath: string;
  /** Whether browsers reach the server by https. */
  readonly secure: boolean;
}

/** The page's own door: a code for a session, and out again. Programs use tokens instead. */
export function addSessionRoutes(app: FastifyInstance, parts: SessionRoutesParts): void {
  const cookie = { path: parts.basePath, secure: parts.secure };
  app.post('/api/session', (request, reply) => {
    const body = bodySchema.safeParse(request.body ?? {});
    if (!body.success) throw new AppError('invalid_request', 'Send {"code": "…"} from a sign-in link.');
    const session = parts.signIn.redeem(body.data.code);
    if (session === undefined) {
      throw new AppError(
        'unauthenticated',
        'This sign-in link was used or is too old; restart the server for a new one.',
      );
    }
    return reply.code(204).header('set-cookie', writeSessionCookie(session, cookie)).send();
  });
  app.delete('/api/session', (request, reply) => {
    const session = readSessionCookie(request.headers.cookie);
    if (session !== undefined) parts.signIn.end(session);
    return reply.code(204).header('set-cookie', writeSessionCookie('', cookie)).send();
  });
}

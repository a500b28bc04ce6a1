import { AppError, type Principal } from '@proofhouse/core';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { SignIn } from '../../users/sign-in.ts';
import { principalOf, readCredential, type AuthenticateParts } from '../authenticate.ts';
import type { Handlers } from '../operation-route.ts';
import { readSessionCookies, writeSessionCookie } from '../session-cookie.ts';
import { sha256Hex } from '../../kernel/secret.ts';

const credentialText = z.string().trim().min(1).max(255);
const bodySchema = z.union([z.strictObject({ code: credentialText }), z.strictObject({ token: credentialText })]);

export interface SessionRoutesParts {
  readonly authentication: AuthenticateParts;
  readonly basePath: string;
  /** True if browsers use https for this server. */
  readonly secure: boolean;
}

/** Returns the handler that creates sign-in links. Such a link signs a browser in as the admin. */
export function sessionHandlers(signIn: SignIn, baseUrl: () => string): Pick<Handlers, 'createSignInLink'> {
  return {
    createSignInLink: () => {
      const { code, expiresAt } = signIn.newCode();
      return Promise.resolve({
        body: { url: `${baseUrl()}/#code=${code}`, expiresAt: new Date(expiresAt).toISOString() },
      });
    },
  };
}

/**
 * Adds the routes for sign-in and sign-out of the web page. Sign-in exchanges the code of a sign-in link or the admin token
 * for a session. A session is a cookie and a page secret, and the page sends both with every call. Programs use tokens
 * instead.
 */
export function addSessionRoutes(app: FastifyInstance, parts: SessionRoutesParts): void {
  const cookie = { path: parts.basePath, secure: parts.secure };
  const { authentication } = parts;
  const { signIn } = authentication;
  app.post('/api/session', { config: { jsonBody: true } }, async (request, reply) => {
    const body = bodySchema.safeParse(request.body ?? {});
    if (!body.success) {
      throw new AppError('invalid_request', 'Send {"code": "…"} from a sign-in link, or {"token": "…"}.');
    }
    const person = 'code' in body.data ? redeem(signIn, body.data.code) : await bearer(authentication, body.data.token);
    const { session, pageSecret } = signIn.open(person, readSessionCookies(request.headers.cookie));
    return reply
      .header('set-cookie', writeSessionCookie(session, cookie))
      .header('cache-control', 'no-store')
      .send({ pageSecret });
  });
  app.delete<{ Querystring: { all?: string } }>('/api/session', async (request, reply) => {
    const credential = readCredential(request.headers);
    const principal = await principalOf(credential, authentication);
    const { all = 'false' } = request.query;
    if (all !== 'true' && all !== 'false') throw new AppError('invalid_request', 'all: must be true or false.');
    if (all === 'true') signIn.endAll(principal);
    else if (credential.kind === 'session') {
      const own = credential.sessions.find((session) => signIn.principalOf(session, credential.pageSecret));
      if (own !== undefined) signIn.end(own);
    }
    return reply.code(204).header('set-cookie', writeSessionCookie('', cookie)).send();
  });
}

function redeem(signIn: SignIn, code: string): Principal {
  if (signIn.redeem(code)) return { kind: 'admin' };
  throw new AppError(
    'unauthenticated',
    'This sign-in link was used or is too old; `proofhouse sign-in-link` makes a new one.',
  );
}

async function bearer(authentication: AuthenticateParts, token: string): Promise<Principal> {
  const secret = token.slice(token.lastIndexOf(':') + 1);
  const credential = { kind: 'token', name: undefined, sha256: sha256Hex(secret) } as const;
  const principal = await principalOf(credential, authentication);
  if (principal.kind !== 'worker') return principal;
  throw new AppError(
    'forbidden',
    `This is the token of the worker ${principal.workerId}; the page takes the admin token.`,
  );
}

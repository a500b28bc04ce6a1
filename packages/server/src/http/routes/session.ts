import { AppError, type Principal } from '@proofhouse/core';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { SignIn } from '../../users/sign-in.ts';
import { notBroker } from '../../users/users.ts';
import { actorIn, principalOf, readCredential, tokenCredential, type AuthenticateParts } from '../authenticate.ts';
import type { Handlers } from '../operation-route.ts';
import { readSessionCookies, writeSessionCookie } from '../session-cookie.ts';

const credentialText = z.string().trim().min(1).max(255);
const bodySchema = z.union([z.strictObject({ code: credentialText }), z.strictObject({ token: credentialText })]);

export interface SessionRoutesParts {
  readonly authentication: AuthenticateParts;
  readonly basePath: string;
  /** True if browsers use https for this server. */
  readonly secure: boolean;
}

/** Returns the handler that creates sign-in links. Such a link signs a browser in as the person who created it. */
export function sessionHandlers(signIn: SignIn, baseUrl: () => string): Pick<Handlers, 'createSignInLink'> {
  return {
    createSignInLink: async ({ principal }) => {
      const { code, expiresAt } = await signIn.newCode(principal);
      return { body: { url: `${baseUrl()}/#code=${code}`, expiresAt: new Date(expiresAt).toISOString() } };
    },
  };
}

/**
 * Adds the routes for sign-in and sign-out of the web page. Sign-in exchanges the code of a sign-in link, the admin
 * token or a user token for a session. A session is a cookie and a page secret, and the page sends both with every
 * call. Programs use tokens instead.
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
    const { person, tokenId } =
      'code' in body.data ? await redeem(signIn, body.data.code) : await bearer(authentication, body.data.token);
    // A session has the role of its user. A broker may have a lower role, so it must not open one.
    if (actorIn(request.headers) !== undefined) throw notBroker();
    const cookies = readSessionCookies(request.headers.cookie);
    const { session, pageSecret } = await signIn.open(person, { cookies, tokenId });
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
    if (all === 'true') await signIn.endAll(principal);
    else if (credential.kind === 'session') await endOwn(signIn, credential);
    return reply.code(204).header('set-cookie', writeSessionCookie('', cookie)).send();
  });
}

/** Ends the session of the credential. Other session cookies of the request may belong to other servers or persons. */
async function endOwn(
  signIn: SignIn,
  { sessions, pageSecret }: { readonly sessions: readonly string[]; readonly pageSecret: string },
): Promise<void> {
  for (const session of sessions) {
    if ((await signIn.principalOf(session, pageSecret)) !== undefined) return signIn.end(session);
  }
}

interface SignedIn {
  readonly person: Principal;
  /** Id of the user token with which the session was opened. Undefined for other ways to sign in. */
  readonly tokenId?: string;
}

async function redeem(signIn: SignIn, code: string): Promise<SignedIn> {
  const person = await signIn.redeem(code);
  if (person !== undefined) return { person };
  throw new AppError(
    'unauthenticated',
    'This sign-in link was used or is too old; `proofhouse sign-in-link` makes a new one.',
  );
}

async function bearer(authentication: AuthenticateParts, token: string): Promise<SignedIn> {
  const credential = tokenCredential(undefined, token.slice(token.lastIndexOf(':') + 1));
  const principal = await principalOf(credential, authentication);
  if (principal.kind === 'worker') {
    throw new AppError(
      'forbidden',
      `This is the token of the worker ${principal.workerId}; the page takes the admin token or the token of a user.`,
    );
  }
  const user = await authentication.users.authenticateHash(credential.sha256);
  return user === undefined ? { person: principal } : { person: user.principal, tokenId: user.token.id };
}

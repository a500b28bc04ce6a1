import type { IncomingHttpHeaders } from 'node:http';
import { actorHeader, AppError, pageSecretHeader, type Principal } from '@proofhouse/core';
import type { Credential } from '../calls/credential.ts';
import type { Groups } from '../experiments/groups.ts';
import { sha256Hex, userTokenPrefix } from '../kernel/secret.ts';
import type { AdminToken } from '../workers/admin-token.ts';
import { looksLikeJwt, type BearerJwts } from '../oidc/bearer-jwts.ts';
import type { SignIn } from '../users/sign-in.ts';
import { notBroker, type Users } from '../users/users.ts';
import type { Workers } from '../workers/workers.ts';
import { readSessionCookies } from './session-cookie.ts';

const workerTokenHeaders = ['x-worker-token', 'x-moonmind-worker-token'] as const;

export interface AuthenticateParts {
  readonly workers: Workers;
  readonly users: Users;
  readonly groups: Groups;
  readonly adminToken: AdminToken;
  readonly signIn: SignIn;
  /** Undefined if no OpenID Connect provider is configured. A JWT is then a token like any other. */
  readonly jwts: BearerJwts | undefined;
  readonly required: boolean;
}

/**
 * Returns the principal of the credential in the headers (`readCredential`, then `principalOf`). If `membership` is
 * true, the principal of a registration token includes the groups of its worker. Errors: `unauthenticated`.
 */
export async function authenticate(
  headers: IncomingHttpHeaders,
  parts: AuthenticateParts,
  wanted: { readonly membership: boolean } = { membership: false },
): Promise<Principal> {
  return principalOf(readCredential(headers), parts, wanted);
}

/**
 * Returns the credential in the headers: `Authorization: Bearer <secret>`, `Authorization: Bearer
 * <principal>:<secret>`, `X-Worker-Token` or its older name `X-MoonMind-Worker-Token`. Without these headers, the
 * credential is a session of the web page. A session is a session cookie together with the page secret, which is a
 * header that only scripts of the page can send. Throws `unauthenticated` if the headers contain two different tokens.
 * So a header that a proxy adds cannot replace the header of the client.
 */
export function readCredential(headers: IncomingHttpHeaders): Credential {
  const given = tokenOf(headers);
  const actor = actorIn(headers);
  if (given !== undefined) {
    const { name, secret } = splitCredential(given);
    return { ...tokenCredential(name, secret), actor };
  }
  const sessions = readSessionCookies(headers.cookie);
  const pageSecret = headers[pageSecretHeader];
  // Browsers send the cookie to every port of the host. So a cookie without the page secret is not accepted.
  if (sessions.length === 0 || typeof pageSecret !== 'string') return { kind: 'none', actor };
  return { kind: 'session', sessions: sessions.map(sha256Hex), pageSecret: sha256Hex(pageSecret), actor };
}

/** Returns the credential of a token. `name` is the principal that precedes the token in the request. */
export function tokenCredential(name: string | undefined, secret: string): Credential & { readonly kind: 'token' } {
  const isUserToken = secret.startsWith(`${userTokenPrefix}_`);
  const jwt = looksLikeJwt(secret) ? { jwt: secret } : {};
  return { kind: 'token', name, sha256: sha256Hex(secret), isUserToken, ...jwt };
}

/** Returns the user in the header `Proofhouse-Actor`. Returns undefined if the header is missing. */
export function actorIn(headers: IncomingHttpHeaders): string | undefined {
  const value = headers[actorHeader];
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * Returns the principal of a credential; see `authenticate` for `membership`. Errors: `unauthenticated`, and
 * `forbidden` if the `actor` of the credential is not accepted.
 */
export async function principalOf(
  credential: Credential,
  parts: AuthenticateParts,
  wanted: { readonly membership: boolean } = { membership: false },
): Promise<Principal> {
  if (credential.kind === 'token' && credential.isUserToken && !parts.adminToken.matchesHash(credential.sha256)) {
    return userOf(credential, parts.users);
  }
  const principal = (await jwtCallerOf(credential, parts)) ?? (await callerOf(credential, parts, wanted));
  if (credential.actor !== undefined) throw notBroker();
  return principal;
}

async function userOf(
  { name, sha256, actor }: Credential & { readonly kind: 'token' },
  users: Users,
): Promise<Principal> {
  const user = await users.authenticateHash(sha256, name);
  if (user === undefined) throw unauthenticated('The token is unknown, expired or revoked, or its user is disabled.');
  return actor === undefined ? user.principal : users.actingFor(user, actor);
}

/** Returns the user of a JWT. Returns undefined for other credentials, and if no provider is configured. */
async function jwtCallerOf(
  credential: Credential,
  { jwts, adminToken }: AuthenticateParts,
): Promise<Principal | undefined> {
  if (jwts === undefined || credential.kind !== 'token' || credential.jwt === undefined) return undefined;
  if (adminToken.matchesHash(credential.sha256)) return undefined;
  const principal = await jwts.principalOf(credential.jwt);
  if (credential.name === undefined || credential.name === principal.userId) return principal;
  throw unauthenticated('The token is not one of the user that precedes it.');
}

/** Returns the principal of a credential that is neither a user token nor a JWT. */
async function callerOf(
  credential: Credential,
  parts: AuthenticateParts,
  wanted: { readonly membership: boolean },
): Promise<Principal> {
  if (credential.kind !== 'token') {
    const person = await personOf(credential, parts.signIn);
    if (person !== undefined) return person;
    if (!parts.required) return { kind: 'admin' };
    throw unauthenticated('Send "Authorization: Bearer <token>".');
  }
  const { name, sha256 } = credential;
  if ((name === undefined || name === 'admin') && parts.adminToken.matchesHash(sha256)) return { kind: 'admin' };
  const worker = name === 'admin' ? undefined : await parts.workers.authenticateHash(sha256, name);
  if (worker === undefined) throw unauthenticated('The token is unknown, expired or revoked.');
  const { principal, registeredIn } = worker;
  if (!wanted.membership || registeredIn === null) return principal;
  return { ...principal, membership: await parts.groups.membershipOf(registeredIn, principal.workerId) };
}

async function personOf(credential: Credential, signIn: SignIn): Promise<Principal | undefined> {
  if (credential.kind !== 'session') return undefined;
  for (const session of credential.sessions) {
    const person = await signIn.principalOf(session, credential.pageSecret);
    if (person !== undefined) return person;
  }
  return undefined;
}

function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const found = new Set<string>();
  if (headers.authorization !== undefined) {
    const match = /^bearer +(\S+) *$/i.exec(headers.authorization);
    if (match?.[1] === undefined) throw unauthenticated('The Authorization header must be "Bearer <token>".');
    found.add(match[1]);
  }
  for (const header of workerTokenHeaders) {
    const value = headers[header];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value.trim() === '') throw unauthenticated(`The header ${header} is blank.`);
    found.add(value.trim());
  }
  if (found.size > 1) throw unauthenticated('The request carries two different credentials; send one.');
  return [...found][0];
}

// Splits `<principal>:<secret>` at the first colon. Neither names nor secrets contain a colon.
function splitCredential(credential: string): { name: string | undefined; secret: string } {
  const colon = credential.indexOf(':');
  if (colon === -1) return { name: undefined, secret: credential };
  return { name: credential.slice(0, colon), secret: credential.slice(colon + 1) };
}

function unauthenticated(message: string): AppError {
  return new AppError('unauthenticated', message);
}

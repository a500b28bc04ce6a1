import { AppError, isAppError, type Principal } from '@proofhouse/core';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyResult } from 'jose';
import type { Clock } from '../kernel/time/clock.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import type { OidcUsers } from './oidc-users.ts';
import { roleOfClaims, type RoleRules } from './role-of-claims.ts';

/** Longest token that is read. Larger ones are refused before any of their bytes is decoded. */
const maxLength = 8192;
/** Largest accepted difference of the clocks of issuer and server, seconds. */
const clockToleranceSeconds = 30;

/** Signatures with a public key. `none`, and signatures with a shared secret (HS256), are never accepted. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Types of access tokens (RFC 9068) and of tokens of issuers that name none. Logout tokens and others are refused. */
const types = ['jwt', 'at+jwt', 'application/at+jwt'];

/**
 * Returns true if a credential has the form of a signed JWT: three parts in base64url, of which the first is a JSON
 * object.
 */
export function looksLikeJwt(text: string): boolean {
  return text.startsWith('eyJ') && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** The tokens that are accepted, and the roles that their claims give. */
interface AcceptedTokens extends RoleRules {
  readonly issuer: string;
  readonly audience: string;
}

export interface BearerJwtsParts {
  readonly config: AcceptedTokens;
  readonly keys: Pick<IssuerKeys, 'keyOf'>;
  readonly users: Pick<OidcUsers, 'userOf'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Authenticates callers by the signed tokens (JWT) of an OpenID Connect provider. */
export class BearerJwts {
  readonly #parts: BearerJwtsParts;

  constructor(parts: BearerJwtsParts) {
    this.#parts = parts;
  }

  /**
   * Returns the user of a token, with the role that the claims of this token give. Errors: `unauthenticated` (the token
   * is not valid here, or its user is disabled), `forbidden` (it gives no role), `unavailable` (the issuer cannot be
   * reached).
   */
  async principalOf(jwt: string): Promise<Principal & { readonly userId: string }> {
    const { config, users } = this.#parts;
    const { sub: subject, name, email, ...claims } = await this.#verify(jwt);
    if (typeof subject !== 'string' || subject === '' || subject.length > 1000) throw refused('it names no subject');
    const role = roleOfClaims({ ...claims, sub: subject, name, email }, config);
    if (role === undefined) {
      throw new AppError('forbidden', `The claim ${config.roleClaim} of the token gives no role on this server.`);
    }
    const user = await users.userOf({ issuer: config.issuer, subject, name, email });
    if (user.disabledAt !== null) throw new AppError('unauthenticated', 'The user of the token is disabled.');
    return { kind: role, userId: user.id };
  }

  async #verify(jwt: string): Promise<JWTPayload> {
    if (jwt.length > maxLength) throw refused(`it is longer than ${String(maxLength)} characters`);
    const { protectedHeader, payload } = await this.#verified(jwt);
    const { typ = 'JWT' } = protectedHeader;
    if (!types.includes(typ.toLowerCase())) throw refused('its type is not that of an access token');
    // A token that is bound to a key of its holder needs a proof, which this server does not check.
    if (payload['cnf'] !== undefined) throw refused('it is bound to a key of its holder');
    return payload;
  }

  async #verified(jwt: string): Promise<JWTVerifyResult> {
    const { config, keys, clock } = this.#parts;
    try {
      return await jwtVerify(jwt, (header, token) => keys.keyOf(header, token), {
        issuer: config.issuer,
        audience: config.audience,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(clock.now()),
        requiredClaims: ['sub', 'exp'],
      });
    } catch (error) {
      if (isAppError(error)) throw error;
      throw refused(whyOf(error), error);
    }
  }
}

function whyOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim ${error.claim} is missing or not accepted`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not accepted';
  if (error instanceof errors.JWKSNoMatchingKey) return 'its issuer has no such key';
  return 'its signature or form is not valid';
}

function refused(why: string, cause?: unknown): AppError {
  return new AppError('unauthenticated', `The token is refused: ${why}.`, { cause });
}

import { AppError } from '@proofhouse/core';

/** The credential of a caller, in the form of /api and in the form of /v0. */
export interface Credential {
  /** The token as the user gave it, for operations under /api. */
  readonly token: string;
  /** `<principal>:<secret>`, for operations under /v0. */
  readonly named: string;
}

/**
 * Returns the credential of a token. A token that already contains a principal (`wkr_…:<secret>`) is used unchanged.
 * Otherwise `principal` is put before the token for /v0. Its default is `admin`, because only the token of the admin is
 * issued without a principal. Throws `invalid_request` if the token or the principal has characters that a header must
 * not contain.
 */
export function parseCredential(token: string, principal: string | undefined): Credential {
  const given = parseToken(token);
  if (principal !== undefined && !/^[\x21-\x39\x3b-\x7e]+$/.test(principal)) {
    throw new AppError('invalid_request', 'The principal must be "admin" or the id of a worker.', {
      errors: [{ path: 'principal', message: 'must be visible ASCII characters without a colon' }],
    });
  }
  return { token: given, named: given.includes(':') ? given : `${principal ?? 'admin'}:${given}` };
}

/** Returns the secret texts: the token, and the part of the token after the principal. */
export function secretsOf({ token }: Credential): string[] {
  return [...new Set([token, token.slice(token.indexOf(':') + 1)])];
}

/**
 * Checks that the token has only characters that a header may contain. Without this check, the error message of the
 * runtime would contain the token.
 */
function parseToken(token: string): string {
  const trimmed = token.trim();
  if (trimmed !== '' && /^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new AppError('invalid_request', 'The token is blank or has characters that no token has. Copy it again.', {
    errors: [{ path: 'token', message: 'must be visible ASCII characters' }],
  });
}

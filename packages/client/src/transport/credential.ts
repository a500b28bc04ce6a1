import { AppError } from '@proofhouse/core';

/** The credential of a caller: a token, and on /v0 the token after the name of its principal. */
export interface Credential {
  readonly token: string;
  /** `<principal>:<secret>`, as /v0 takes it. */
  readonly named: string;
}

/**
 * A token with a name in front (`wkr_…:<secret>`) is used unchanged. A bare one gets `principal` in front where a name is
 * needed; without `principal` it can only be the admin's, since worker tokens are issued with their id.
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

/** Checks that a header can carry the token, since the error of the runtime would contain it. */
function parseToken(token: string): string {
  const trimmed = token.trim();
  if (trimmed !== '' && /^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new AppError('invalid_request', 'The token is blank or has characters that no token has. Copy it again.', {
    errors: [{ path: 'token', message: 'must be visible ASCII characters' }],
  });
}

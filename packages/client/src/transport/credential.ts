import { AppError } from '@proofhouse/core';

/** What a caller shows: a token, and on /v0 the token behind the name of whom it speaks for. */
export interface Credential {
  readonly token: string;
  /** `<principal>:<secret>`, as /v0 takes it. */
  readonly named: string;
}

/**
 * A token that has a name in front (`wkr_…:<secret>`) is taken as it is. A bare one gets `principal` in front where a name
 * is needed; without one it can only be the admin's, since workers are given theirs with their id.
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

/** A header must carry it, and the runtime's own complaint would print it. */
function parseToken(token: string): string {
  const trimmed = token.trim();
  if (trimmed !== '' && /^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new AppError('invalid_request', 'The token is blank or has characters that no token has. Copy it again.', {
    errors: [{ path: 'token', message: 'must be visible ASCII characters' }],
  });
}

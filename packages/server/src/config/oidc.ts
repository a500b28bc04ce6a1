import { AppError, userRoles, type UserRole } from '@proofhouse/core';

/** The OpenID Connect provider whose users may call the server, and the roles that they get. */
export interface OidcConfig {
  /** The issuer, exactly as the claim `iss` of its tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** Name of the claim with the roles, or its path (`realm_access.roles`). */
  readonly roleClaim: string;
  /** The role for each value of the claim. Values that are not in the map give no role. */
  readonly roleMap: ReadonlyMap<string, UserRole>;
}

/**
 * Parses a map such as `platform-admins=admin,engineers=operator`. Each item is split at its last `=`. Returns an error
 * message if the text is invalid.
 */
export function parseRoleMap(text: string): ReadonlyMap<string, UserRole> | string {
  const map = new Map<string, UserRole>();
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const at = item.lastIndexOf('=');
    const value = item.slice(0, Math.max(at, 0)).trim();
    const role = userRoles.find((each) => each === item.slice(at + 1).trim());
    if (value === '' || role === undefined) return `${item} is not <value of the claim>=${userRoles.join('|')}`;
    if (map.has(value)) return `${value} is named twice`;
    map.set(value, role);
  }
  return map.size === 0 ? 'must name at least one value of the claim' : map;
}

/** The given settings from which `completeOidc` makes a provider. */
interface GivenOidc {
  readonly oidcIssuer?: string | undefined;
  readonly oidcAudience?: string | undefined;
  readonly oidcRoleClaim?: string | undefined;
  readonly oidcRoleMap?: ReadonlyMap<string, UserRole> | undefined;
  readonly auth?: 'required' | 'disabled' | undefined;
}

/** Returns the provider, or undefined if no setting names one. Errors: `invalid_request`, which names both settings. */
export function completeOidc(given: GivenOidc): OidcConfig | undefined {
  const { oidcIssuer: issuer, oidcAudience: audience, oidcRoleMap: roleMap, oidcRoleClaim } = given;
  const dependent = {
    PROOFHOUSE_OIDC_AUDIENCE: audience,
    PROOFHOUSE_OIDC_ROLE_MAP: roleMap,
    PROOFHOUSE_OIDC_ROLE_CLAIM: oidcRoleClaim,
  };
  if (issuer === undefined) {
    const [name] = Object.entries(dependent).find(([, value]) => value !== undefined) ?? [];
    if (name === undefined) return undefined;
    throw wrong(`${name} is set and PROOFHOUSE_OIDC_ISSUER is not: set both, or neither.`);
  }
  if (audience === undefined) throw missing('PROOFHOUSE_OIDC_AUDIENCE', 'tokens for other services would be accepted');
  if (roleMap === undefined) throw missing('PROOFHOUSE_OIDC_ROLE_MAP', 'no token would have a role');
  if (given.auth === 'disabled') {
    throw wrong('PROOFHOUSE_AUTH=disabled makes every caller the admin: unset it, or unset PROOFHOUSE_OIDC_ISSUER.');
  }
  return { issuer, audience, roleClaim: oidcRoleClaim ?? 'roles', roleMap };
}

function missing(name: string, consequence: string): AppError {
  return wrong(`PROOFHOUSE_OIDC_ISSUER is set and ${name} is not: ${consequence}. Set both, or neither.`);
}

function wrong(message: string): AppError {
  return new AppError('invalid_request', message);
}

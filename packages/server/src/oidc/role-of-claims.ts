import { userRoles, type UserRole } from '@proofhouse/core';

/** The claim with the roles of a caller, by its name or path, and the role for each of its values. */
export interface RoleRules {
  readonly roleClaim: string;
  readonly roleMap: ReadonlyMap<string, UserRole>;
}

/**
 * Returns the highest role that the claims of a token give. Returns undefined if no value of the claim is in the map.
 * The values are compared as they are. A text is one value, also if it contains spaces or commas.
 */
export function roleOfClaims(
  claims: Readonly<Record<string, unknown>>,
  { roleClaim, roleMap }: RoleRules,
): UserRole | undefined {
  const claim = own(claims, roleClaim) ?? roleClaim.split('.').reduce<unknown>(own, claims);
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  const roles = values.flatMap((value) => (typeof value === 'string' ? (roleMap.get(value) ?? []) : []));
  return userRoles.find((role) => roles.includes(role));
}

function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

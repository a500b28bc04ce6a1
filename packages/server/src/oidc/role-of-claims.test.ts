import { expect, it } from 'vitest';
import { roleOfClaims } from './role-of-claims.ts';

const roleMap = new Map([
  ['owners', 'admin'],
  ['staff', 'read-only'],
] as const);

it.each([
  ['roles', { roles: 'staff' }, 'read-only'],
  ['roles', { roles: ['staff', 'owners', 'others'] }, 'admin'],
  ['realm_access.roles', { realm_access: { roles: ['owners'] } }, 'admin'],
  ['https://example.org/roles', { 'https://example.org/roles': ['staff'] }, 'read-only'],
  ['roles', {}, undefined],
  ['roles', { roles: 'staff owners' }, undefined],
  ['roles', { roles: [['owners'], { owners: true }, null] }, undefined],
  ['realm_access.roles', { realm_access: 'owners' }, undefined],
  ['roles.length', { roles: 'owners' }, undefined],
  ['constructor.name', {}, undefined],
] as const)('the claim %s of %j gives the role %s', (roleClaim, claims, role) => {
  expect(roleOfClaims(claims, { roleClaim, roleMap })).toBe(role);
});

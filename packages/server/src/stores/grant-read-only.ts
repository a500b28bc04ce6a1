import { AppError } from '@proofhouse/core';

/**
 * Grants a database role read access to all tables and columns, for reports and people. Excluded are the hashes of
 * secrets and the values of settings. The role must exist, and must not have access to the excluded columns in another
 * way. The call is idempotent. The name of the role is stored, and every start of a server also grants the tables that
 * its migrations added. A `revoke` in the database therefore lasts only until the next start, unless the role was
 * dropped.
 *
 * `proofhouse doctor --grant-readonly <role>` calls this function, on a schema of this version. The call needs no
 * running server, does not affect a running one, and migrates nothing. Errors: `not_found` (no such role),
 * `invalid_request` (the role can read secrets in another way), `unsupported` (an engine without roles), `unavailable`.
 */
export async function grantReadOnly(url: string, role: string): Promise<void> {
  if (!/^postgres(ql)?:/i.test(url)) {
    throw new AppError('unsupported', 'This database has no roles: give readers a copy of it, or use Postgres.');
  }
  const { grantReadOnlyAt } = await import('./sql/dialects/postgres/read-only-role.ts');
  await grantReadOnlyAt(url, role);
}

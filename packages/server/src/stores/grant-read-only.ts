import { AppError } from '@proofhouse/core';

/**
 * Grants a database role read access, for reports and people, to every table and column except the hashes of secrets
 * and the values of settings. The role must exist, and must not have access to the excluded columns by other means. The
 * call is idempotent. The name of the role is stored, and every start of a server also grants the tables that its
 * migrations added. A `revoke` in the database removes access only until the next start, which grants it again unless
 * the role was dropped.
 *
 * `proofhouse doctor --grant-readonly <role>` calls this function on a schema of this version. The call needs no
 * running server, does not affect a running one, and migrates nothing. Errors: `not_found` (no such role),
 * `invalid_request` (the role reads secrets by other means), `unsupported` (an engine without roles), `unavailable`.
 */
export async function grantReadOnly(url: string, role: string): Promise<void> {
  if (!/^postgres(ql)?:/i.test(url)) {
    throw new AppError('unsupported', 'This database has no roles: give readers a copy of it, or use Postgres.');
  }
  const { grantReadOnlyAt } = await import('./sql/dialects/postgres/read-only-role.ts');
  await grantReadOnlyAt(url, role);
}

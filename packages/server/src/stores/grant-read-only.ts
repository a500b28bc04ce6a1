import { AppError } from '@proofhouse/core';

/**
 * Grants a database role, for reports and people, read access to every table and column except the hashes of secrets and the
 * values of settings. The role must exist and must not have access to those by other means. It is stored: every start
 * grants the tables that its migrations added. The call is idempotent. The database's own `revoke` removes access until the next
 * start, which grants it again unless the role was dropped.
 *
 * `proofhouse doctor --grant-readonly <role>` calls this on a schema of this version. It needs no running server and does not
 * affect one, and it migrates nothing. Errors: `not_found` (no such role), `invalid_request` (it reads secrets by other
 * means), `unsupported` (an engine without roles), `unavailable`.
 */
export async function grantReadOnly(url: string, role: string): Promise<void> {
  if (!/^postgres(ql)?:/i.test(url)) {
    throw new AppError('unsupported', 'This database has no roles: give readers a copy of it, or use Postgres.');
  }
  const { grantReadOnlyAt } = await import('./sql/dialects/postgres/read-only-role.ts');
  await grantReadOnlyAt(url, role);
}

import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { createTable } from './create-table.ts';

/** Creates users, their tokens, the sessions of the web page, and the codes of sign-in links. */
export async function users(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  const { tableEnd, clusteredTableEnd } = syntax.columns;
  await createTable(db, syntax, 'users', ['id'], tableEnd, {
    id: 'text',
    name: 'text',
    email: 'text?',
    role: 'text',
    disabled_at: 'integer?',
    epoch: 'integer',
    version: 'integer',
    created_at: 'integer',
    updated_at: 'integer',
  });
  await createTable(db, syntax, 'user_tokens', ['id'], tableEnd, {
    id: 'text',
    user_id: 'text',
    sha256: 'text',
    description: 'text?',
    may_act_for: 'integer',
    epoch: 'integer',
    created_by: 'text',
    created_at: 'integer',
    expires_at: 'integer?',
    revoked_at: 'integer?',
    version: 'integer',
  });
  await createTable(db, syntax, 'sessions', ['sha256', 'page_sha256'], clusteredTableEnd, {
    sha256: 'text',
    page_sha256: 'text',
    user_id: 'text?',
    epoch: 'integer?',
    admin_key: 'text?',
    token_id: 'text?',
    created_at: 'integer',
    expires_at: 'integer',
  });
  await createTable(db, syntax, 'sign_in_codes', ['sha256'], clusteredTableEnd, {
    sha256: 'text',
    user_id: 'text?',
    epoch: 'integer?',
    admin_key: 'text?',
    expires_at: 'integer',
  });
  for (const index of indexes) await sql.raw(index).execute(db);
}

const indexes = [
  'create index users_newest on users (created_at, id)',
  "create index users_admins_in_order on users (id) where role = 'admin' and disabled_at is null",
  'create unique index user_tokens_sha256 on user_tokens (sha256)',
  'create index user_tokens_of_user on user_tokens (user_id, created_at, id)',
  'create index sessions_of_user on sessions (user_id)',
  'create index sessions_to_expire on sessions (expires_at)',
  'create index sign_in_codes_to_expire on sign_in_codes (expires_at)',
];

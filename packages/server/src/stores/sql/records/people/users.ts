import type { SignInCodeRecord, UserRecord, UserTokenRecord } from '@proofhouse/core';
import { sql } from 'kysely';
import type { Page, PageRequest } from '../../../../kernel/page.ts';
import type { FoundSession, TokenOfUser, UserStore } from '../../../../users/user-store.ts';
import { newestFirst, pageOf, pageStart, placeOf, type PageParams, type Place } from '../../engine/paging.ts';
import type { Placeholders } from '../../engine/placeholder.ts';
import { readUpTo, type SqlEngine } from '../../engine/sql-engine.ts';
import { textList } from '../../engine/sql-syntax.ts';
import { statement, statementsBy } from '../../engine/statement.ts';
import { first, put, rows, type Verb } from '../../engine/verb.ts';
import type { Queries, SessionRow, UserRow } from '../../engine/schema.ts';
import { findRecord } from '../record-statements.ts';
import { sessionFromRow, signInCodeFromRow, userFromRow, userTokenFromRow } from './user-row.ts';

const listUsers = statementsBy((place: Place, db, p: Placeholders<PageParams>) =>
  newestFirst(db.selectFrom('users').selectAll(), place, p).limit(p.limit),
);

const listTokens = statementsBy((place: Place, db, p: Placeholders<PageParams & { userId: string }>) =>
  newestFirst(db.selectFrom('user_tokens').selectAll().where('user_id', '=', p.userId), place, p).limit(p.limit),
);

const enabledAdmins = statement<{ limit: number }>()((db, p) =>
  db
    .selectFrom('users')
    .selectAll()
    .where('role', '=', sql.lit('admin'))
    .where('disabled_at', 'is', null)
    .orderBy('id')
    .limit(p.limit),
);

/** The columns of a user, renamed. In a join, no other table may have a column with the same name. */
const userColumns = [
  'users.name as user_name',
  'users.email as user_email',
  'users.role as user_role',
  'users.disabled_at as user_disabled_at',
  'users.epoch as user_epoch',
  'users.version as user_version',
  'users.created_at as user_created_at',
  'users.updated_at as user_updated_at',
] as const;

type UserColumns = {
  readonly [Column in keyof Omit<UserRow, 'id'> as `user_${Column}`]: UserRow[Column] | null;
};

const tokenBySecret = statement<{ sha256: string }>()((db, p) =>
  db
    .selectFrom('user_tokens')
    .innerJoin('users', 'users.id', 'user_tokens.user_id')
    .selectAll('user_tokens')
    .select(userColumns)
    .where('user_tokens.sha256', '=', p.sha256),
);

/**
 * Selects sessions together with their users and tokens. The tables are joined, so that a request needs only one round
 * trip.
 */
function sessionsWithOwners(db: Queries) {
  return db
    .selectFrom('sessions')
    .leftJoin('users', 'users.id', 'sessions.user_id')
    .leftJoin('user_tokens', 'user_tokens.id', 'sessions.token_id')
    .selectAll('sessions')
    .select(userColumns)
    .select(['user_tokens.revoked_at as token_revoked_at', 'user_tokens.expires_at as token_expires_at']);
}

const sessionBySecrets = statement<{ sha256: string; pageSha256: string }>()((db, p) =>
  sessionsWithOwners(db).where('sessions.sha256', '=', p.sha256).where('sessions.page_sha256', '=', p.pageSha256),
);

const sessionsByCookie = statement<{ sha256: string; limit: number }>()((db, p) =>
  sessionsWithOwners(db).where('sessions.sha256', '=', p.sha256).limit(p.limit),
);

const endSession = statement<{ sha256: string }>()((db, p) => db.deleteFrom('sessions').where('sha256', '=', p.sha256));

const endSessions = statementsBy((owner: 'admin' | 'user', db, p: Placeholders<{ readonly userId: string }>) => {
  const sessions = db.deleteFrom('sessions');
  return owner === 'admin' ? sessions.where('user_id', 'is', null) : sessions.where('user_id', '=', p.userId);
});

const takeCode = statement<{ sha256: string }>()((db, p) =>
  db.deleteFrom('sign_in_codes').where('sha256', '=', p.sha256).returningAll(),
);

const expiredSessions = statement<{ now: number; limit: number }>()((db, p, syntax) =>
  syntax.locked(
    db
      .selectFrom('sessions')
      .select(['sha256', 'page_sha256'])
      .where('expires_at', '<=', p.now)
      .orderBy('expires_at')
      .limit(p.limit),
    'skip',
  ),
);

const deleteSession = statement<Pick<SessionRow, 'sha256' | 'page_sha256'>>()((db, p) =>
  db.deleteFrom('sessions').where('sha256', '=', p.sha256).where('page_sha256', '=', p.page_sha256),
);

const expiredCodes = statement<{ now: number; limit: number }>()((db, p, syntax) =>
  syntax.locked(
    db
      .selectFrom('sign_in_codes')
      .select('sha256')
      .where('expires_at', '<=', p.now)
      .orderBy('expires_at')
      .limit(p.limit),
    'skip',
  ),
);

const deleteCodes = statement<{ sha256s: string }>()((db, p, syntax) =>
  db.deleteFrom('sign_in_codes').where(syntax.among('sha256', p.sha256s)),
);

export class SqlUserStore implements UserStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  findUser(userId: string): Promise<UserRecord | undefined> {
    return this.#engine.look(() => findRecord('user', userId));
  }

  listUsers(page: PageRequest): Promise<Page<UserRecord>> {
    const list = listUsers(placeOf(page.after));
    return readUpTo(this.#engine, page.limit, function* () {
      const { items, next } = pageOf(yield* rows(list, pageStart(page)), page.limit);
      return { items: items.map(userFromRow), next };
    });
  }

  enabledAdmins(limit: number): Promise<UserRecord[]> {
    return this.#engine.read(function* () {
      return (yield* rows(enabledAdmins, { limit })).map(userFromRow);
    });
  }

  findTokenBySecret(sha256: string): Promise<TokenOfUser | undefined> {
    return this.#engine.look(function* () {
      const row = yield* first(tokenBySecret, { sha256 });
      const user = userOf(row?.user_id, row);
      return row === undefined || user === undefined ? undefined : { token: userTokenFromRow(row), user };
    });
  }

  findToken(tokenId: string): Promise<UserTokenRecord | undefined> {
    return this.#engine.look(() => findRecord('user-token', tokenId));
  }

  listTokens(userId: string, page: PageRequest): Promise<Page<UserTokenRecord>> {
    const list = listTokens(placeOf(page.after));
    return readUpTo(this.#engine, page.limit, function* () {
      const { items, next } = pageOf(yield* rows(list, { userId, ...pageStart(page) }), page.limit);
      return { items: items.map(userTokenFromRow), next };
    });
  }

  findSession(sha256: string, pageSha256: string): Promise<FoundSession | undefined> {
    return this.#engine.look(function* () {
      const row = yield* first(sessionBySecrets, { sha256, pageSha256 });
      return row === undefined ? undefined : foundSession(row);
    });
  }

  sessionsOfCookie(sha256: string, limit: number): Promise<FoundSession[]> {
    return this.#engine.look(function* () {
      return (yield* rows(sessionsByCookie, { sha256, limit })).map(foundSession);
    });
  }

  async endSession(sha256: string): Promise<void> {
    await this.#engine.write(() => put(endSession, { sha256 }));
  }

  async endSessions(userId: string | null): Promise<void> {
    const statementOfOwner = endSessions(userId === null ? 'admin' : 'user');
    await this.#engine.write(() => put(statementOfOwner, { userId: userId ?? '' }));
  }

  takeCode(sha256: string): Promise<SignInCodeRecord | undefined> {
    return this.#engine.write(function* () {
      const row = yield* first(takeCode, { sha256 });
      return row === undefined ? undefined : signInCodeFromRow(row);
    });
  }
}

interface SessionWithOwner extends SessionRow, UserColumns {
  readonly token_revoked_at: number | null;
  readonly token_expires_at: number | null;
}

function foundSession(row: SessionWithOwner): FoundSession {
  const token =
    row.token_id === null ? undefined : { revokedAt: row.token_revoked_at, expiresAt: row.token_expires_at };
  return { session: sessionFromRow(row), user: userOf(row.user_id, row), token };
}

/** Returns the user in a joined row, or undefined if the row has none. */
function userOf(id: string | null | undefined, row: UserColumns | undefined): UserRecord | undefined {
  if (id == null || row === undefined || row.user_name === null || row.user_role === null) return undefined;
  return userFromRow({
    id,
    name: row.user_name,
    email: row.user_email,
    role: row.user_role,
    disabled_at: row.user_disabled_at,
    epoch: row.user_epoch ?? 0,
    version: row.user_version ?? 0,
    created_at: row.user_created_at ?? 0,
    updated_at: row.user_updated_at ?? 0,
  });
}

/** Deletes expired sessions, oldest first, and returns their number. */
export function* deleteExpiredSessions(now: number, limit: number): Verb<number> {
  const expired = yield* rows(expiredSessions, { now, limit });
  for (const session of expired) yield* put(deleteSession, session);
  return expired.length;
}

/** Deletes expired sign-in codes, oldest first, and returns their number. */
export function* deleteExpiredCodes(now: number, limit: number): Verb<number> {
  const expired = yield* rows(expiredCodes, { now, limit });
  if (expired.length > 0) yield* put(deleteCodes, { sha256s: textList(expired.map(({ sha256 }) => sha256)) });
  return expired.length;
}

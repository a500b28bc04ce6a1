import {
  AppError,
  actorOf,
  isUuid,
  lowerRole,
  may,
  userActor,
  type CreateUser,
  type CreateUserToken,
  type Principal,
  type UpdateUser,
  type UserRecord,
  type UserTokenRecord,
} from '@proofhouse/core';
import { insert, unchanged, update, type Commits } from '../kernel/commit.ts';
import { decideAndCommit, type Decided, type DecisionParts } from '../kernel/decide-and-commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, nextCursorOf } from '../kernel/page.ts';
import { sameHash, sha256Hex, userTokenPrefix } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { checkedField } from '../secrets/checked-text.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import type { UserStore } from './user-store.ts';

/** The principal of a user. The admin token and workers have other principals. */
export type UserPrincipal = Exclude<Principal, { readonly kind: 'worker' }> & { readonly userId: string };

/** The result of the authentication of a user token. */
export interface AuthenticatedUser {
  readonly principal: UserPrincipal;
  readonly token: UserTokenRecord;
}

interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Users, and the tokens that authenticate them. */
export class Users {
  readonly #store: UserStore;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #deciding: DecisionParts;
  readonly #secrets: SecretPolicy;

  constructor(parts: { store: UserStore; clock: Clock; ids: Ids; secrets: SecretPolicy } & DecisionParts) {
    this.#store = parts.store;
    this.#commits = parts.commits;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#deciding = parts;
    this.#secrets = parts.secrets;
  }

  /** Creates an enabled user without tokens. Errors: `secret_found`. */
  async create(input: CreateUser): Promise<UserRecord> {
    await this.#checkTexts(input);
    const now = this.#clock.now();
    const user: UserRecord = {
      id: this.#ids.uuid(),
      name: input.name,
      email: input.email ?? null,
      role: input.role,
      disabledAt: null,
      epoch: 1,
      version: 1,
      createdAt: now,
      updatedAt: now,
    };
    await this.#commits.commit({ changes: [insert('user', user)], preconditions: [] });
    return user;
  }

  find(userId: string): Promise<UserRecord | undefined> {
    return isUuid(userId) ? this.#store.findUser(userId) : Promise.resolve(undefined);
  }

  /** Errors: `user_not_found`. */
  async get(userId: string): Promise<UserRecord> {
    const user = await this.find(userId);
    if (user !== undefined) return user;
    throw new AppError('user_not_found', `There is no user ${JSON.stringify(userId.slice(0, 80))}.`);
  }

  /** Lists users, newest first. Errors: `invalid_cursor`. */
  async list({ limit, cursor }: PageQuery) {
    const filter = { list: 'users' };
    const { items, next } = await this.#store.listUsers({ limit, after: decodeCursor(filter, cursor) });
    return { items, nextCursor: nextCursorOf(filter, next) };
  }

  /**
   * Changes the given fields of a user. Disabling a user raises its epoch. This ends all its tokens and sessions before
   * the call returns. Errors: `user_not_found`, `last_admin`, `version_conflict`, `secret_found`.
   */
  async update(userId: string, input: UpdateUser): Promise<UserRecord> {
    await this.#checkTexts(input);
    const { result } = await decideAndCommit(this.#deciding, {
      what: `User ${userId}`,
      read: async () => {
        const user = await this.get(userId);
        // At most two admins are read, because one of them may be this user.
        return { user, admins: isEnabledAdmin(user) ? await this.#store.enabledAdmins(2) : [] };
      },
      decide: ({ user, admins }) => changedUser(user, admins, input, this.#clock.now()),
    });
    return result;
  }

  /**
   * Creates a token. Only this call returns it, because only its hash is stored. Errors: `forbidden` (another user's
   * token, or `mayActFor` without the role admin), `user_not_found`, `invalid_request`, `secret_found`.
   */
  async createToken(
    principal: Principal,
    userId: string,
    input: CreateUserToken,
  ): Promise<{ token: string; record: UserTokenRecord; user: UserRecord }> {
    requireTokensOf(principal, userId);
    if (input.mayActFor === true && principal.kind !== 'admin') {
      throw new AppError('forbidden', 'Only an admin makes a token with mayActFor.');
    }
    const now = this.#clock.now();
    const expiresAt = input.expiresAt == null ? null : Date.parse(input.expiresAt);
    if (expiresAt !== null && expiresAt <= now) throw invalid('expiresAt', 'must lie in the future');
    await this.#secrets.checkUnmarked('user token', checkedField('description', input.description));
    const user = await this.get(userId);
    if (user.disabledAt !== null) throw invalid('userId', 'is a disabled user; enable it first');
    const token = this.#ids.secret(userTokenPrefix);
    const record: UserTokenRecord = {
      id: this.#ids.uuid(),
      userId,
      sha256: sha256Hex(token),
      description: input.description ?? null,
      mayActFor: input.mayActFor === true,
      // If the user is disabled at the same time, its epoch is raised. The token then has the old epoch and is not
      // accepted.
      epoch: user.epoch,
      createdBy: actorOf(principal),
      createdAt: now,
      expiresAt,
      revokedAt: null,
      version: 1,
    };
    await this.#commits.commit({ changes: [insert('user-token', record)], preconditions: [] });
    return { token, record, user };
  }

  /** Lists the tokens of a user, newest first. Errors: `forbidden`, `user_not_found`, `invalid_cursor`. */
  async listTokens(principal: Principal, userId: string, { limit, cursor }: PageQuery) {
    requireTokensOf(principal, userId);
    const user = await this.get(userId);
    const filter = { list: 'user-tokens', userId };
    const { items, next } = await this.#store.listTokens(userId, { limit, after: decodeCursor(filter, cursor) });
    return { user, items, nextCursor: nextCursorOf(filter, next) };
  }

  /**
   * Revokes a token. This also ends the sessions that were opened with it. If the token is already revoked, nothing
   * changes. Errors: `forbidden`, `user_not_found`, `not_found`, `version_conflict`.
   */
  async revokeToken(principal: Principal, userId: string, tokenId: string) {
    requireTokensOf(principal, userId);
    const user = await this.get(userId);
    const { result } = await decideAndCommit(this.#deciding, {
      what: `User token ${tokenId}`,
      read: () => this.#getToken(userId, tokenId),
      decide: (token) => {
        if (token.revokedAt !== null) return { result: token };
        const revoked = { ...token, revokedAt: this.#clock.now(), version: token.version + 1 };
        return { result: revoked, changes: [update('user-token', revoked, token.version)] };
      },
    });
    return { user, token: result };
  }

  /**
   * Returns the user that a token authenticates, by the sha256 (lower-case hex) of the token. Returns undefined if the
   * token is unknown, revoked or expired, if its user is disabled, or if its user is not `userId`.
   */
  async authenticateHash(sha256: string, userId?: string): Promise<AuthenticatedUser | undefined> {
    const found = await this.#store.findTokenBySecret(sha256);
    if (found === undefined || !sameHash(found.token.sha256, sha256)) return undefined;
    const { token, user } = found;
    const principal = principalOfUser(user, token.epoch);
    if (principal === undefined || hasEnded(token, this.#clock.now())) return undefined;
    if (userId !== undefined && userId !== user.id) return undefined;
    return { principal, token };
  }

  /**
   * Returns the principal of a call that a broker makes for another user. It has the lower of the two roles. Errors:
   * `forbidden`.
   */
  async actingFor({ principal: broker, token }: AuthenticatedUser, userId: string): Promise<Principal> {
    if (!token.mayActFor) throw notBroker();
    if (userId === broker.userId) return broker;
    const user = await this.find(userId);
    if (user?.disabledAt !== null) {
      throw new AppError('forbidden', 'Proofhouse-Actor names a user that does not exist or is disabled.');
    }
    return { kind: lowerRole(broker.kind, user.role), userId, brokerId: broker.userId };
  }

  /**
   * Returns the actor (`actorOf`) for a text in a filter. If a user has this id, it is that user. Otherwise it is the
   * text itself: the id of a worker, `admin` or `system`.
   */
  async actorNamed(text: string): Promise<string> {
    return (await this.find(text)) === undefined ? text : userActor(text);
  }

  async #getToken(userId: string, tokenId: string): Promise<UserTokenRecord> {
    const token = isUuid(tokenId) ? await this.#store.findToken(tokenId) : undefined;
    if (token?.userId === userId) return token;
    throw new AppError('not_found', `User ${userId} has no token ${JSON.stringify(tokenId.slice(0, 80))}.`);
  }

  async #checkTexts({ name, email }: Pick<UpdateUser, 'name' | 'email'>): Promise<void> {
    await this.#secrets.checkUnmarked('user', [...checkedField('name', name), ...checkedField('email', email)]);
  }
}

/**
 * Returns the principal of a user. `epoch` is that of its credential. Returns undefined if the user is disabled, or if
 * the user has another epoch now.
 */
export function principalOfUser(user: UserRecord, epoch: number): UserPrincipal | undefined {
  return user.disabledAt === null && user.epoch === epoch ? { kind: user.role, userId: user.id } : undefined;
}

/** Returns true if a token is revoked or has expired. */
export function hasEnded({ revokedAt, expiresAt }: Pick<UserTokenRecord, 'revokedAt' | 'expiresAt'>, now: number) {
  return revokedAt !== null || (expiresAt ?? Infinity) <= now;
}

/** Returns the error for a call with `Proofhouse-Actor` if its credential is not a user token with `mayActFor`. */
export function notBroker(): AppError {
  return new AppError('forbidden', 'Proofhouse-Actor is accepted only from a user token with mayActFor.');
}

function changedUser(
  user: UserRecord,
  admins: readonly UserRecord[],
  { name, email, role, disabled }: UpdateUser,
  now: number,
): Decided<UserRecord> {
  const disabledAt = disabled === undefined ? user.disabledAt : disabled ? (user.disabledAt ?? now) : null;
  const changed: UserRecord = {
    ...user,
    name: name ?? user.name,
    email: email === undefined ? user.email : email,
    role: role ?? user.role,
    disabledAt,
    epoch: disabledAt !== null && user.disabledAt === null ? user.epoch + 1 : user.epoch,
  };
  if ((Object.keys(changed) as (keyof UserRecord)[]).every((field) => changed[field] === user[field])) {
    return { result: user };
  }
  const result = { ...changed, updatedAt: now, version: user.version + 1 };
  const changes = [update('user', result, user.version)];
  if (!isEnabledAdmin(user) || isEnabledAdmin(result)) return { result, changes };
  const other = admins.find(({ id }) => id !== user.id);
  if (other === undefined) {
    throw new AppError(
      'last_admin',
      `User ${user.id} is the last enabled user with the role admin. Give the role to another user first.`,
    );
  }
  // The other admin must stay unchanged. Otherwise two concurrent calls could each disable one of two admins.
  return { result, changes, preconditions: [unchanged('user', other.id, other.version)] };
}

function isEnabledAdmin({ role, disabledAt }: UserRecord): boolean {
  return role === 'admin' && disabledAt === null;
}

function requireTokensOf(principal: Principal, userId: string): void {
  if (may(principal, 'user.token', { kind: 'user', userId })) return;
  throw new AppError('forbidden', 'A user manages its own tokens; those of others need the role admin.');
}

function invalid(path: string, message: string): AppError {
  return new AppError('invalid_request', `${path}: ${message}.`, { errors: [{ path, message }] });
}

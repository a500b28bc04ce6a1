import { AppError, type Principal, type SessionOwner } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { insert, type Commits } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { sameHash, sha256Hex } from '../kernel/secret.ts';
import type { FoundSession, UserStore } from './user-store.ts';
import { hasEnded, principalOfUser } from './users.ts';

const codeLifeMs = 10 * 60 * 1000;
export const sessionLifeMs = 12 * 60 * 60 * 1000;

/** The check of a session cookie reads at most this number of page secrets. */
const mostTabs = 20;

export interface SignInCode {
  readonly code: string;
  /** The time at which the code expires, epoch milliseconds. */
  readonly expiresAt: number;
}

/** A session with a new page secret. Both values are random, and only their hashes are kept. */
export interface OpenedSession {
  /**
   * The value of the session cookie. It does not suffice without the page secret, because browsers send a cookie to
   * every port of the host.
   */
  readonly session: string;
  /**
   * The web page stores this secret in sessionStorage, which pages of other origins cannot read. It sends the secret
   * with every call.
   */
  readonly pageSecret: string;
}

/** A person who may sign in to the web page: a user, or the holder of the admin token. */
type Person = Exclude<Principal, { readonly kind: 'worker' }>;

/**
 * Sign-in of the web page. A code from a sign-in link, or a token, is exchanged for a session. A code is valid once,
 * within ten minutes. A session is valid for twelve hours, and only together with one of its page secrets. Codes and
 * sessions are rows with hashes, so they are valid at every server and after a restart. Their times are those of the
 * store.
 *
 * A session ends when its user is disabled, when the token that opened it ends, or when the server gets another admin
 * token. Its role is always the current role of the user.
 */
export class SignIn {
  readonly #store: UserStore;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #adminKey: string;

  /** `adminKey` identifies the current admin token. It is not secret. */
  constructor(parts: { store: UserStore; commits: Commits; clock: Clock; ids: Ids; adminKey: string }) {
    this.#store = parts.store;
    this.#commits = parts.commits;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#adminKey = parts.adminKey;
  }

  /** Creates a code that signs a browser in as this person. Errors: `forbidden`. */
  async newCode(principal: Principal): Promise<SignInCode> {
    const owner = await this.#ownerOf(principal);
    const code = this.#ids.token(32);
    const expiresAt = this.#clock.now() + codeLifeMs;
    const row = { sha256: sha256Hex(code), owner, expiresAt };
    await this.#commits.commit({ changes: [insert('sign-in-code', row)], preconditions: [] });
    return { code, expiresAt };
  }

  /**
   * Returns the person of a code, and makes the code invalid. Returns undefined if the code is unknown, used or
   * expired, or if its person may not sign in any more.
   */
  async redeem(code: string): Promise<Person | undefined> {
    const taken = await this.#store.takeCode(sha256Hex(code));
    if (taken === undefined || taken.expiresAt <= this.#clock.now()) return undefined;
    const { owner } = taken;
    const user = owner.kind === 'user' ? await this.#store.findUser(owner.userId) : undefined;
    return this.#person(owner, user);
  }

  /**
   * Opens a session for the person. If a user token was used for the sign-in, `tokenId` is its id, and the session ends
   * with the token. `cookies` are the session cookies that the browser sent. If one of them is a valid session of the
   * same person, that session gets another page secret and no new session is opened. So a sign-in in a second tab does
   * not end the session of the first tab. Errors: `forbidden`.
   */
  async open(
    principal: Principal,
    { cookies = [], tokenId }: { cookies?: readonly string[]; tokenId?: string | undefined } = {},
  ): Promise<OpenedSession> {
    const owner = await this.#ownerOf(principal);
    const pageSecret = this.#ids.secret('phx');
    const session = (await this.#sessionOf(owner, cookies)) ?? this.#ids.secret('phs');
    const now = this.#clock.now();
    const row = {
      sha256: sha256Hex(session),
      pageSecretSha256: sha256Hex(pageSecret),
      owner,
      tokenId: tokenId ?? null,
      createdAt: now,
      expiresAt: now + sessionLifeMs,
    };
    await this.#commits.commit({ changes: [insert('session', row)], preconditions: [] });
    return { session, pageSecret };
  }

  /**
   * Returns the principal of a session. Returns undefined if the session is unknown or has ended, or if the page secret
   * does not belong to it. Both arguments are sha256 hashes.
   */
  async principalOf(sessionSha256: string, pageSecretSha256: string): Promise<Person | undefined> {
    const found = await this.#store.findSession(sessionSha256, pageSecretSha256);
    if (found === undefined || !sameHash(found.session.pageSecretSha256, pageSecretSha256)) return undefined;
    return this.#live(found);
  }

  /** Ends the session with all its page secrets. */
  end(sessionSha256: string): Promise<void> {
    return this.#store.endSession(sessionSha256);
  }

  /** Ends all sessions of the person. A no-op for workers, because they have no sessions. */
  async endAll(principal: Principal): Promise<void> {
    if (principal.kind !== 'worker') await this.#store.endSessions(principal.userId ?? null);
  }

  async #sessionOf(owner: SessionOwner, cookies: readonly string[]): Promise<string | undefined> {
    for (const cookie of cookies) {
      const found = await this.#store.sessionsOfCookie(sha256Hex(cookie), mostTabs);
      if (found.some((each) => this.#live(each) !== undefined && isOfSame(each.session.owner, owner))) return cookie;
    }
    return undefined;
  }

  #live({ session, user, token }: FoundSession): Person | undefined {
    const now = this.#clock.now();
    if (session.expiresAt <= now) return undefined;
    if (session.tokenId !== null && (token === undefined || hasEnded(token, now))) return undefined;
    return this.#person(session.owner, user);
  }

  #person(owner: SessionOwner, user: FoundSession['user']): Person | undefined {
    if (owner.kind === 'admin') return sameHash(owner.adminKey, this.#adminKey) ? { kind: 'admin' } : undefined;
    return user === undefined ? undefined : principalOfUser(user, owner.epoch);
  }

  async #ownerOf(principal: Principal): Promise<SessionOwner> {
    if (principal.kind === 'worker' || principal.brokerId !== undefined) {
      throw new AppError('forbidden', 'Only a person signs in to the page, with a credential of its own.');
    }
    const { userId } = principal;
    if (userId === undefined) return { kind: 'admin', adminKey: this.#adminKey };
    const user = await this.#store.findUser(userId);
    if (user?.disabledAt !== null) throw new AppError('forbidden', 'The user of this credential is disabled.');
    return { kind: 'user', userId, epoch: user.epoch };
  }
}

function isOfSame(a: SessionOwner, b: SessionOwner): boolean {
  return a.kind === 'user' ? b.kind === 'user' && a.userId === b.userId : b.kind === 'admin';
}

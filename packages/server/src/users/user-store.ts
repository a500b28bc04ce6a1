import type { SessionRecord, SignInCodeRecord, UserRecord, UserTokenRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/** A user token with its user. */
export interface TokenOfUser {
  readonly token: UserTokenRecord;
  readonly user: UserRecord;
}

/** A session with the records that decide whether it is still valid. */
export interface FoundSession {
  readonly session: SessionRecord;
  /** The user of the session. Undefined for a session that was opened with the admin token. */
  readonly user: UserRecord | undefined;
  /** The token with which the session was opened. Undefined after another kind of sign-in. */
  readonly token: Pick<UserTokenRecord, 'revokedAt' | 'expiresAt'> | undefined;
}

/**
 * The store of users, their tokens, and the sessions of the web page. Its methods also return records that are no
 * longer valid, so the caller must check the times, the epochs and `disabledAt`. When a commit has changed a user or a
 * token, or a session has ended, all servers read the new state.
 */
export interface UserStore {
  findUser(userId: string): Promise<UserRecord | undefined>;
  /** Returns users, newest first by (createdAt, id). */
  listUsers(page: PageRequest): Promise<Page<UserRecord>>;
  /** Returns at most `limit` enabled users with the role admin. */
  enabledAdmins(limit: number): Promise<UserRecord[]>;

  /** Returns the token with this sha256 (lower-case hex). Every request with a user token needs this query. */
  findTokenBySecret(sha256: string): Promise<TokenOfUser | undefined>;
  findToken(tokenId: string): Promise<UserTokenRecord | undefined>;
  /** Returns tokens of the user, newest first by (createdAt, id). */
  listTokens(userId: string, page: PageRequest): Promise<Page<UserTokenRecord>>;

  /** Returns the session with this cookie and this page secret. Every request of the web page needs this query. */
  findSession(sha256: string, pageSecretSha256: string): Promise<FoundSession | undefined>;
  /** Returns at most `limit` sessions with this cookie, whatever their page secrets. */
  sessionsOfCookie(sha256: string, limit: number): Promise<FoundSession[]>;
  /** Ends the session with this cookie, with all its page secrets. */
  endSession(sha256: string): Promise<void>;
  /** Ends all sessions of a user, or of the admin token if `userId` is null. */
  endSessions(userId: string | null): Promise<void>;

  /**
   * Deletes a sign-in code and returns it, even if it has expired. Returns undefined if the code does not exist. If
   * several calls run at the same time, also at several servers, only one of them gets the code.
   */
  takeCode(sha256: string): Promise<SignInCodeRecord | undefined>;
}

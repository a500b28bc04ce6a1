import type { Principal } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Ids } from '../kernel/ids.ts';
import { sameHash, sha256Hex } from '../kernel/secret.ts';

const codeLifeMs = 10 * 60 * 1000;
export const sessionLifeMs = 12 * 60 * 60 * 1000;
/**
 * Largest numbers of unused codes, of sessions, and of page secrets of one session (each sign-in adds one). Above a
 * limit, the oldest entry is evicted.
 */
const maxCodes = 1000;
const maxSessions = 1000;
const maxPageSecrets = 50;

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

interface Session {
  expiresAt: number;
  readonly principal: Principal;
  /** sha256 of each page secret, oldest first. */
  readonly pageSecrets: Set<string>;
}

/**
 * Sign-in of the web page. A code from a sign-in link, or a token, is exchanged for a session. A code is valid once,
 * within ten minutes. A session is valid only together with one of its page secrets. Codes and sessions exist only in
 * the memory of this process, as hashes, so a restart ends every session. Their age is measured with the monotonic
 * clock.
 */
export class SignIn {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #codes = new Map<string, number>();
  readonly #sessions = new Map<string, Session>();

  constructor(parts: { clock: Clock; ids: Ids }) {
    this.#clock = parts.clock;
    this.#ids = parts.ids;
  }

  newCode(): SignInCode {
    const code = this.#ids.token(32);
    this.#codes.set(sha256Hex(code), this.#clock.monotonic() + codeLifeMs);
    dropOldest(this.#codes, maxCodes);
    return { code, expiresAt: this.#clock.now() + codeLifeMs };
  }

  /** Returns true if the code is known, unused and not expired. The code is invalid afterwards. */
  redeem(code: string): boolean {
    const hash = sha256Hex(code);
    const expiresAt = this.#codes.get(hash);
    this.#codes.delete(hash);
    return expiresAt !== undefined && expiresAt > this.#clock.monotonic();
  }

  /**
   * Opens a session for the principal. `cookies` are the session cookies that the browser sent. If one of them is a
   * valid session of the same kind of principal, that session gets another page secret and no new session is opened. So
   * a sign-in in a second tab does not end the session of the first tab.
   */
  open(principal: Principal, cookies: readonly string[] = []): OpenedSession {
    const pageSecret = this.#ids.secret('phx');
    const known = cookies.find((cookie) => this.#live(sha256Hex(cookie))?.principal.kind === principal.kind);
    const session = known ?? this.#ids.secret('phs');
    const hash = sha256Hex(session);
    const record = this.#live(hash) ?? { expiresAt: 0, principal, pageSecrets: new Set<string>() };
    record.expiresAt = this.#clock.monotonic() + sessionLifeMs;
    record.pageSecrets.add(sha256Hex(pageSecret));
    dropOldest(record.pageSecrets, maxPageSecrets);
    this.#sessions.set(hash, record);
    dropOldest(this.#sessions, maxSessions);
    return { session, pageSecret };
  }

  /**
   * Returns the principal of a session. Returns undefined if the session is unknown or expired, or if the page secret
   * does not belong to the session. Both arguments are sha256 hashes.
   */
  principalOf(sessionSha256: string, pageSecretSha256: string): Principal | undefined {
    const session = this.#live(sessionSha256);
    if (session === undefined) return undefined;
    const shown = [...session.pageSecrets].some((known) => sameHash(known, pageSecretSha256));
    return shown ? session.principal : undefined;
  }

  /** Ends the session with all its page secrets. */
  end(sessionSha256: string): void {
    this.#sessions.delete(sessionSha256);
  }

  /** Ends all sessions of the same kind of principal. Only the admin has sessions, until a later version has users. */
  endAll(principal: Principal): void {
    for (const [hash, session] of this.#sessions) {
      if (session.principal.kind === principal.kind) this.#sessions.delete(hash);
    }
  }

  #live(sessionSha256: string): Session | undefined {
    const session = this.#sessions.get(sessionSha256);
    return session !== undefined && session.expiresAt > this.#clock.monotonic() ? session : undefined;
  }
}

function dropOldest(kept: Map<string, unknown> | Set<string>, most: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(key);
  }
}

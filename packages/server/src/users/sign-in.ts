import type { Principal } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Ids } from '../kernel/ids.ts';
import { sameHash, sha256Hex } from '../kernel/secret.ts';

const codeLifeMs = 10 * 60 * 1000;
export const sessionLifeMs = 12 * 60 * 60 * 1000;
/** Limits; the oldest is evicted: unused codes, sessions, and page secrets (tabs) of one session. */
const maxCodes = 1000;
const maxSessions = 1000;
const maxPageSecrets = 50;

export interface SignInCode {
  readonly code: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Both parts are random and shown once. */
export interface OpenedSession {
  /** The cookie's value. Browsers send it to every port of the host, so it proves nothing by itself. */
  readonly session: string;
  /** Kept by the page in sessionStorage, which belongs to one origin, and sent with every call. */
  readonly pageSecret: string;
}

interface Session {
  expiresAt: number;
  readonly principal: Principal;
  /** sha256 of each page secret, oldest first. */
  readonly pageSecrets: Set<string>;
}

/**
 * Sign-in of the page: a code from a link, or a token, is exchanged for a session. Codes work once, within ten minutes. A
 * session is only valid together with one of its page secrets. Codes and sessions are kept in the memory of this process,
 * as hashes: a restart ends every session. Their ages are measured by the monotonic clock.
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

  /** Redeems the code: true when it is valid and was not used before. */
  redeem(code: string): boolean {
    const hash = sha256Hex(code);
    const expiresAt = this.#codes.get(hash);
    this.#codes.delete(hash);
    return expiresAt !== undefined && expiresAt > this.#clock.monotonic();
  }

  /**
   * Opens a session for the principal. `cookies`: the session cookies of the browser; a valid session of the same principal
   * is kept and gets another page secret, so that signing in again in a second tab does not end the first.
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

  /** The principal of a session and one of its page secrets, given as sha256. */
  principalOf(sessionSha256: string, pageSecretSha256: string): Principal | undefined {
    const session = this.#live(sessionSha256);
    if (session === undefined) return undefined;
    const shown = [...session.pageSecrets].some((known) => sameHash(known, pageSecretSha256));
    return shown ? session.principal : undefined;
  }

  /** Ends the session and all of its page secrets. */
  end(sessionSha256: string): void {
    this.#sessions.delete(sessionSha256);
  }

  /** Ends every session of the principal's kind: until users exist, only the admin has sessions. */
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

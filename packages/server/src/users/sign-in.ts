import type { Principal } from '@proofhouse/core';
import type { Clock } from '../kernel/clock.ts';
import type { Ids } from '../kernel/ids.ts';
import { sha256Hex } from '../kernel/secret.ts';

const codeLifeMs = 10 * 60 * 1000;
export const sessionLifeMs = 12 * 60 * 60 * 1000;
/** More people than ever look at one server's page at once; the oldest session makes room. */
const maxSessions = 1000;

/**
 * How a person gets into the page without typing a token: a start prints a link whose fragment holds a
 * code, the page trades it for a session. Codes work once, within ten minutes. Both live in this process
 * alone, as hashes: a restart signs everybody out. Their ages are measured by the monotonic clock.
 */
export class SignIn {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #codes = new Map<string, number>();
  readonly #sessions = new Map<string, number>();

  constructor(parts: { clock: Clock; ids: Ids }) {
    this.#clock = parts.clock;
    this.#ids = parts.ids;
  }

  newCode(): string {
    const code = this.#ids.token(32);
    this.#codes.set(sha256Hex(code), this.#clock.monotonic() + codeLifeMs);
    return code;
  }

  /** A session token for a code that was not used yet, or undefined. */
  redeem(code: string): string | undefined {
    const hash = sha256Hex(code);
    const expiresAt = this.#codes.get(hash);
    this.#codes.delete(hash);
    if (expiresAt === undefined || expiresAt <= this.#clock.monotonic()) return undefined;
    const session = this.#ids.secret('phs');
    this.#sessions.set(sha256Hex(session), this.#clock.monotonic() + sessionLifeMs);
    const oldest = this.#sessions.keys().next().value;
    if (this.#sessions.size > maxSessions && oldest !== undefined) this.#sessions.delete(oldest);
    return session;
  }

  principalOf(session: string): Principal | undefined {
    const expiresAt = this.#sessions.get(sha256Hex(session));
    return expiresAt !== undefined && expiresAt > this.#clock.monotonic() ? { kind: 'admin' } : undefined;
  }

  end(session: string): void {
    this.#sessions.delete(sha256Hex(session));
  }
}

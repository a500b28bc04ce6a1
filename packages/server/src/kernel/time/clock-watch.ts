import type { Clock } from './clock.ts';
import type { Logger } from '../logger.ts';
import { smallestJumpMs } from './store-time.ts';

/** Clocks that differ by more make dates wrong for people. Leases do not depend on it: the store's time decides them. */
export const mostSkewMs = 2000;

export interface ClockJump {
  /** ISO 8601, by the store's time after the jump. */
  readonly at: string;
  /** Whose clock was set. */
  readonly clock: 'machine' | 'database';
  /** Milliseconds that it skipped; negative when it was set back. */
  readonly ms: number;
}

/** What `/readyz` shows. */
export interface ClockReport {
  /** This machine's clock minus the database's at the last look; null before the first, and where there is no other clock. */
  readonly skewMs: number | null;
  /** Since the start. */
  readonly jumps: number;
  readonly lastJump: ClockJump | null;
}

export interface ClockWatchParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface WatchedStore {
  /** The time by which the store decides. */
  readonly time: () => number;
  /** Asks the database's clock; undefined where it is this machine's. */
  readonly databaseNow: (() => Promise<number>) | undefined;
}

/**
 * Compares this machine's wall clock with its monotonic one and with the database's. A jump is logged once, with its size, and
 * counted; it ends no lease and uses up no attempt, which is for the store to see to.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #store: WatchedStore | undefined;
  /** Wall clock minus monotonic clock. */
  #offset: number;
  #skewMs: number | null = null;
  #isSkewed = false;
  #jumps = 0;
  #lastJump: ClockJump | null = null;

  constructor(parts: ClockWatchParts) {
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#offset = this.#wallOffset();
  }

  /** To be called once the store is open. */
  watch(store: WatchedStore): void {
    this.#store = store;
  }

  get report(): ClockReport {
    return { skewMs: this.#skewMs, jumps: this.#jumps, lastJump: this.#lastJump };
  }

  /** The store found that the clock it decides by was set. */
  storeJumped(ms: number): void {
    this.#noteJump(this.#store?.databaseNow === undefined ? 'machine' : 'database', ms);
  }

  /** Called again and again: costs no call. Where the store decides by this machine's clock it tells of jumps itself. */
  compare(): void {
    const offset = this.#wallOffset();
    const ms = Math.round(offset - this.#offset);
    this.#offset = offset;
    if (this.#store?.databaseNow !== undefined && Math.abs(ms) >= smallestJumpMs) this.#noteJump('machine', ms);
  }

  /** Asks the database what time it is, every minute. Errors: those of the database. */
  async look(): Promise<void> {
    if (this.#store?.databaseNow === undefined) return;
    const askedAt = this.#clock.now();
    const database = await this.#store.databaseNow();
    // In the middle of the call: its length is half of what can be wrong.
    this.#skewMs = Math.round((askedAt + this.#clock.now()) / 2 - database);
    const isSkewed = Math.abs(this.#skewMs) > mostSkewMs;
    if (isSkewed !== this.#isSkewed) {
      const level = isSkewed ? 'warn' : 'info';
      const words = isSkewed ? 'differ: set them by NTP' : 'agree again';
      this.#logger[level]({ skewMs: this.#skewMs }, `the clocks of this machine and of the database ${words}`);
    }
    this.#isSkewed = isSkewed;
  }

  #noteJump(clock: 'machine' | 'database', ms: number): void {
    this.#jumps += 1;
    this.#lastJump = { at: new Date(this.#store?.time() ?? this.#clock.now()).toISOString(), clock, ms };
    this.#logger.warn({ clock, ms }, 'a clock was set; leases and attempts are kept');
  }

  #wallOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}

import type { Clock } from './clock.ts';
import type { Logger } from '../logger.ts';
import { smallestJumpMs } from './store-time.ts';

/** A larger skew makes dates wrong for people. Leases do not depend on it: the store's time decides them. */
export const mostSkewMs = 2000;

export interface ClockJump {
  /** ISO 8601, by the store's time after the jump. */
  readonly at: string;
  /** The clock that was set. */
  readonly clock: 'machine' | 'database';
  /** Milliseconds; negative when the clock was set back. */
  readonly ms: number;
}

/** Shown by `/readyz`. */
export interface ClockReport {
  /**
   * This machine's clock minus the database's at the last comparison; null before the first, and where there is only one
   * clock.
   */
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
  /** The time that the store decides by. */
  readonly time: () => number;
  /** Reads the database's clock; undefined where it is this machine's. */
  readonly databaseNow: (() => Promise<number>) | undefined;
}

/**
 * Compares this machine's wall clock with its monotonic clock and with the database's. A jump is logged once, with its
 * size, and counted. Leases and attempts are not touched: the store handles jumps.
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

  /** Call it once the store is open. */
  watch(store: WatchedStore): void {
    this.#store = store;
  }

  get report(): ClockReport {
    return { skewMs: this.#skewMs, jumps: this.#jumps, lastJump: this.#lastJump };
  }

  /** Called by the store when the clock that it decides by was set. */
  storeJumped(ms: number): void {
    this.#noteJump(this.#store?.databaseNow === undefined ? 'machine' : 'database', ms);
  }

  /**
   * Called periodically; makes no call to the database. A store that decides by this machine's clock reports jumps itself.
   */
  compare(): void {
    const offset = this.#wallOffset();
    const ms = Math.round(offset - this.#offset);
    this.#offset = offset;
    if (this.#store?.databaseNow !== undefined && Math.abs(ms) >= smallestJumpMs) this.#noteJump('machine', ms);
  }

  /** Reads the clock of the database, every minute. Errors: those of the database. */
  async look(): Promise<void> {
    if (this.#store?.databaseNow === undefined) return;
    const askedAt = this.#clock.now();
    const database = await this.#store.databaseNow();
    // The middle of the call: the error is at most half of its duration.
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

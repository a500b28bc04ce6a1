import type { Clock } from './clock.ts';
import type { Logger } from '../logger.ts';
import { smallestJumpMs } from './store-time.ts';

/**
 * Largest accepted difference (skew) in ms between the clocks of this machine and of the database. With a larger skew,
 * dates are wrong for people. Leases do not depend on it, because the store compares them with its own time.
 */
export const mostSkewMs = 2000;

export interface ClockJump {
  /** The store's time after the jump, in ISO 8601. */
  readonly at: string;
  /** The clock that was set. */
  readonly clock: 'machine' | 'database';
  /** Size of the jump in milliseconds, negative if the clock was set back. */
  readonly ms: number;
}

/** The report about the clocks that `/readyz` shows. */
export interface ClockReport {
  /**
   * This machine's clock minus the database's clock at the last comparison, ms. Null before the first comparison, and if
   * the database uses the clock of this machine.
   */
  readonly skewMs: number | null;
  /** Number of jumps since the start of the server. */
  readonly jumps: number;
  readonly lastJump: ClockJump | null;
}

export interface ClockWatchParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface WatchedStore {
  /** Returns the current time of the store, epoch ms. */
  readonly time: () => number;
  /** Reads the database's clock. Undefined if the database uses the clock of this machine. */
  readonly databaseNow: (() => Promise<number>) | undefined;
}

/**
 * Compares this machine's wall clock with its monotonic clock and with the database's clock. Counts each jump, and logs
 * it once with its size. Leases and attempts do not change here, because the store itself handles jumps.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #store: WatchedStore | undefined;
  /** Wall clock minus monotonic clock, ms. */
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

  /** Must be called when the store is open. */
  watch(store: WatchedStore): void {
    this.#store = store;
  }

  get report(): ClockReport {
    return { skewMs: this.#skewMs, jumps: this.#jumps, lastJump: this.#lastJump };
  }

  /** Records a jump. The store calls this when somebody set the clock that the store uses. */
  storeJumped(ms: number): void {
    this.#noteJump(this.#store?.databaseNow === undefined ? 'machine' : 'database', ms);
  }

  /**
   * Compares this machine's wall clock with its monotonic clock. Must be called periodically. Does not query the
   * database. Does nothing if the store uses the clock of this machine, because the store then reports jumps itself.
   */
  compare(): void {
    const offset = this.#wallOffset();
    const ms = Math.round(offset - this.#offset);
    this.#offset = offset;
    if (this.#store?.databaseNow !== undefined && Math.abs(ms) >= smallestJumpMs) this.#noteJump('machine', ms);
  }

  /**
   * Measures the skew between the clocks of the database and of this machine. Called every minute. Errors: those of the
   * database.
   */
  async look(): Promise<void> {
    if (this.#store?.databaseNow === undefined) return;
    const askedAt = this.#clock.now();
    const database = await this.#store.databaseNow();
    // The database read its clock at some moment during the query. Its time is compared with the middle of the query,
    // so the error is at most half the duration of the query.
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

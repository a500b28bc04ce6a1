import type { BootTime } from '../../../../kernel/time/boot-time.ts';
import type { Clock } from '../../../../kernel/time/clock.ts';
import { fixedTime, smallestJumpMs, type OnClockJump, type StoreTime } from '../../../../kernel/time/store-time.ts';
import { shiftLeases } from '../../queue/job-shift.ts';
import type { Verb } from '../../engine/verb.ts';
import { expectedWall, keepAnchor, type TimeAnchor } from './time-anchor.ts';

const anchorEveryMs = 60_000;

export interface ProcessTimeParts {
  readonly clock: Clock;
  readonly bootTime: () => BootTime | undefined;
  readonly onJump: OnClockJump;
}

/**
 * The current time for transactions on SQLite, taken from the wall clock of this process. When somebody sets that
 * clock, one transaction shifts all leases and retry delays by the same difference. So each of them keeps its remaining
 * time. Later transactions use the new time.
 *
 * The clock may also be set while the server is stopped. A time anchor (a stored time and boot id, see `TimeAnchor`)
 * shows this at the next start, and the leases and delays are shifted then.
 */
export class ProcessTime {
  readonly #clock: Clock;
  readonly #bootTime: () => BootTime | undefined;
  readonly #onJump: OnClockJump;
  /**
   * The offset (wall clock minus monotonic clock, ms) that the store uses now. `time` is the sum of this offset and the
   * monotonic clock.
   */
  #offset: number;
  /**
   * The offset (wall clock minus monotonic clock, ms) with which the stored ends of leases and delays were computed.
   */
  #committed: number;
  #isMoving = false;
  /** Monotonic time in ms from which the next anchor may be written. */
  #keepAgainAt = -Infinity;

  constructor({ clock, bootTime, onJump }: ProcessTimeParts) {
    this.#clock = clock;
    this.#bootTime = bootTime;
    this.#onJump = onJump;
    this.#offset = this.#committed = this.#wallOffset();
  }

  /**
   * Must be called when the store opens, before any transaction. If the anchor shows that the clock was set while the
   * server was stopped, the first write shifts leases and delays.
   */
  resume(anchor: TimeAnchor | undefined): void {
    const wall = this.#clock.now();
    const setBy = wall - expectedWall(anchor, wall, this.#bootTime());
    if (Math.abs(setBy) >= smallestJumpMs) this.#offset = this.#committed = this.#wallOffset() - setBy;
  }

  /** Returns a verb that writes the time anchor, or undefined if the last anchor is less than a minute old. */
  anchor(): (() => Verb<void>) | undefined {
    const now = this.#clock.monotonic();
    if (now < this.#keepAgainAt) return undefined;
    this.#keepAgainAt = now + anchorEveryMs;
    return () => this.#keepAnchor();
  }

  get time(): StoreTime {
    const offset = this.#wallOffset();
    if (!this.#isMoving && Math.abs(offset - this.#committed) < smallestJumpMs) this.#offset = this.#committed = offset;
    return fixedTime(Math.floor(this.#offset + this.#clock.monotonic()));
  }

  /**
   * Must be called before each write is queued. If the clock was set, calls `write` with a verb that shifts leases and
   * delays. So the shift is queued before the write of the caller.
   */
  follow(write: (verb: () => Verb<void>) => Promise<void>): void {
    if (this.#isMoving || Math.abs(this.#wallOffset() - this.#committed) < smallestJumpMs) return;
    this.#isMoving = true;
    void write(() => this.#move()).then(
      () => {
        const ms = Math.round(this.#offset - this.#committed);
        this.#committed = this.#offset;
        this.#isMoving = false;
        this.#onJump(ms);
      },
      () => {
        // The transaction that shifts leases failed, so the offset gets its previous value. The next write tries the
        // shift again.
        this.#offset = this.#committed;
        this.#isMoving = false;
      },
    );
  }

  // Shifts leases and delays. May run more than once, because the write queue retries a transaction that was rolled
  // back.
  *#move(): Verb<void> {
    const offset = this.#wallOffset();
    yield* shiftLeases(Math.round(offset - this.#committed));
    this.#offset = offset;
    // Stores a time anchor with the new time. Otherwise the next start would shift the leases again.
    yield* this.#keepAnchor();
  }

  #keepAnchor(): Verb<void> {
    return keepAnchor({ at: Math.floor(this.#offset + this.#clock.monotonic()), boot: this.#bootTime() });
  }

  #wallOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}

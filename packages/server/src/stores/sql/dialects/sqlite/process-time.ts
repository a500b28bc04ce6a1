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
 * The wall clock of this process as long as it keeps step with the monotonic clock. When it is set, leases and retry delays are
 * moved by as much in one verb, and every verb after that one uses the new time: all keep the time that they had left. An anchor in
 * the database does the same for a clock that was set between two starts.
 */
export class ProcessTime {
  readonly #clock: Clock;
  readonly #bootTime: () => BootTime | undefined;
  readonly #onJump: OnClockJump;
  /** Wall clock minus monotonic clock, as it is used. */
  #offset: number;
  /** The same as of the last commit. */
  #committed: number;
  #isMoving = false;
  /** Monotonic. */
  #keepAgainAt = -Infinity;

  constructor({ clock, bootTime, onJump }: ProcessTimeParts) {
    this.#clock = clock;
    this.#bootTime = bootTime;
    this.#onJump = onJump;
    this.#offset = this.#committed = this.#wallOffset();
  }

  /** To be called at a start, before any verb. A clock that was set meanwhile is followed by the first verb that writes. */
  resume(anchor: TimeAnchor | undefined): void {
    const wall = this.#clock.now();
    const setBy = wall - expectedWall(anchor, wall, this.#bootTime());
    if (Math.abs(setBy) >= smallestJumpMs) this.#offset = this.#committed = this.#wallOffset() - setBy;
  }

  /** A verb for the anchor when it is time for one; called again and again. */
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

  /** To be called before a verb is queued, with what queues a verb before it. */
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
        // The next verb tries again.
        this.#offset = this.#committed;
        this.#isMoving = false;
      },
    );
  }

  // Runs again when its transaction was lost.
  *#move(): Verb<void> {
    const offset = this.#wallOffset();
    yield* shiftLeases(Math.round(offset - this.#committed));
    this.#offset = offset;
    // The next start must not find this jump again.
    yield* this.#keepAnchor();
  }

  #keepAnchor(): Verb<void> {
    return keepAnchor({ at: Math.floor(this.#offset + this.#clock.monotonic()), boot: this.#bootTime() });
  }

  #wallOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}

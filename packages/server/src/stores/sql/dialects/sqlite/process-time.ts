import type { Clock } from '../../../../kernel/clock.ts';
import { fixedTime, smallestJumpMs, type OnClockJump, type StoreTime } from '../../../../kernel/store-time.ts';
import { shiftLeases } from '../../job-shift.ts';
import type { Verb } from '../../verb.ts';

/**
 * The wall clock of this process as long as it keeps step with the monotonic clock. When it is set, leases and retry delays are
 * moved by as much in one verb, and every verb after that one uses the new time: all keep the time that they had left.
 */
export class ProcessTime {
  readonly #clock: Clock;
  readonly #onJump: OnClockJump;
  /** Wall clock minus monotonic clock, as it is used. */
  #offset: number;
  /** The same as of the last commit. */
  #committed: number;
  #isMoving = false;

  constructor(clock: Clock, onJump: OnClockJump) {
    this.#clock = clock;
    this.#onJump = onJump;
    this.#offset = this.#committed = this.#wallOffset();
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
  }

  #wallOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}

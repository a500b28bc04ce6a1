import { systemClock, type Clock } from './clock.ts';

/** Longer work than this between two turns of the event loop would delay every other request. */
const sliceMs = 3;

/** Divides long work into slices, so that other requests are served between two of them. */
export class TimeSlices {
  readonly #clock: Clock;
  #began: number;

  /** The clock measures computing, which a test's clock does not. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** Whether the slice is used up: `nextTurn` is to be awaited. */
  get isOver(): boolean {
    return this.#clock.monotonic() - this.#began >= sliceMs;
  }

  async nextTurn(): Promise<void> {
    await new Promise((settle) => setImmediate(settle));
    this.#began = this.#clock.monotonic();
  }
}

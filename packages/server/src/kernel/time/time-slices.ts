import { systemClock, type Clock } from './clock.ts';

/** Milliseconds of computing between two iterations of the event loop; more would delay every other request. */
const sliceMs = 3;

/** Divides long work into slices, so that other requests are served between two of them. */
export class TimeSlices {
  readonly #clock: Clock;
  #began: number;

  /** Measures computing time, so it uses the system's clock in tests too. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** Whether the slice is used up, so that `nextTurn` must be awaited. */
  get isOver(): boolean {
    return this.#clock.monotonic() - this.#began >= sliceMs;
  }

  async nextTurn(): Promise<void> {
    await new Promise((settle) => setImmediate(settle));
    this.#began = this.#clock.monotonic();
  }
}

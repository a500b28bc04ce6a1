import { systemClock, type Clock } from './clock.ts';

/** Length of one slice of computing time in ms. During a slice, all other requests wait. */
const sliceMs = 3;

/** Divides long work into slices, so that other requests are served between two slices. */
export class TimeSlices {
  readonly #clock: Clock;
  #began: number;

  /** The default clock is the system's clock, also in tests, because slices measure real computing time. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** True if the present slice has lasted for `sliceMs`. The caller must then await `nextTurn` before it continues. */
  get isOver(): boolean {
    return this.#clock.monotonic() - this.#began >= sliceMs;
  }

  async nextTurn(): Promise<void> {
    await new Promise((settle) => setImmediate(settle));
    this.#began = this.#clock.monotonic();
  }
}

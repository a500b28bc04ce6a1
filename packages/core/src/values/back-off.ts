/** Parameters of an exponential back-off. */
export interface BackOff {
  /** The delay after the first failure, in milliseconds. The delay doubles with each further failure. */
  readonly firstMs: number;
  /** The largest delay, in milliseconds. */
  readonly maxMs: number;
}

/** The random part of a delay. With jitter, callers that failed at the same time do not retry at the same time. */
export interface Jitter {
  /** The random share of the delay. 1 is full jitter (0 to the whole delay), 0.5 is equal jitter (half to the whole). */
  readonly share: number;
  /** Returns a uniform random number that is at least 0 and less than 1. */
  readonly fraction: () => number;
}

/**
 * Returns the delay in milliseconds before the next try, after `failures` (at least 1) failed tries. Without `jitter` the
 * delay depends on `failures` alone. No retry package is used: such packages have their own loops and timers, but this
 * code base injects its clocks.
 */
export function backOffMs(failures: number, { firstMs, maxMs }: BackOff, jitter?: Jitter): number {
  const delayMs = Math.min(maxMs, firstMs * 2 ** (failures - 1));
  return jitter === undefined ? delayMs : delayMs * (1 - jitter.share + jitter.share * jitter.fraction());
}

/** Parameters of an exponential back-off. */
export interface BackOff {
  /** The delay after the first failure, in milliseconds. Each further failure doubles the delay. */
  readonly firstMs: number;
  /** The largest delay, in milliseconds. */
  readonly maxMs: number;
}

/** The random part of a delay. Because of it, callers that failed at the same time do not retry at the same time. */
export interface Jitter {
  /**
   * The random share of the delay. 1 is full jitter: a delay from 0 to the whole. 0.5 is equal jitter: a delay from
   * half to the whole.
   */
  readonly share: number;
  /** Returns a uniform random number that is at least 0 and less than 1. */
  readonly fraction: () => number;
}

/**
 * Returns the delay in milliseconds before the next try, after `failures` (at least 1) failed tries. Without `jitter`,
 * the delay depends only on `failures`. No retry package is used. Such packages have their own loops and timers,
 * whereas the clocks of this code base are injected.
 */
export function backOffMs(failures: number, { firstMs, maxMs }: BackOff, jitter?: Jitter): number {
  const delayMs = Math.min(maxMs, firstMs * 2 ** (failures - 1));
  return jitter === undefined ? delayMs : delayMs * (1 - jitter.share + jitter.share * jitter.fraction());
}

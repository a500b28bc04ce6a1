/** How delays between tries grow. */
export interface BackOff {
  /** The delay after the first failure; it doubles with each further failure. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** A delay with jitter is random, so that callers that failed together do not retry together. */
export interface Jitter {
  /** The random share of the delay: 1 is full jitter (0 to the whole delay), 0.5 is equal jitter (half to the whole). */
  readonly share: number;
  /** Uniform, at least 0 and less than 1. */
  readonly fraction: () => number;
}

/**
 * Exponential back-off: milliseconds to wait after `failures` failed tries, counted from 1. Pure; without `jitter` the delay
 * depends on the count alone. Retry packages bring loops and timers of their own, and clocks are injected here, so only the
 * delay is shared.
 */
export function backOffMs(failures: number, { firstMs, maxMs }: BackOff, jitter?: Jitter): number {
  const delayMs = Math.min(maxMs, firstMs * 2 ** (failures - 1));
  return jitter === undefined ? delayMs : delayMs * (1 - jitter.share + jitter.share * jitter.fraction());
}

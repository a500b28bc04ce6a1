import { backOffMs, isAppError } from '@proofhouse/core';
import type { Random } from './random.ts';

export interface RetryPolicy {
  /** Largest number of tries of a call that may be retried, including the first. */
  readonly tries: number;
  /**
   * Each delay between two tries is random, between 0 and an upper bound. This is the first bound in milliseconds. The
   * bound doubles with each try.
   */
  readonly baseDelayMs: number;
  /**
   * Largest value of the upper bound, in milliseconds. A delay is longer than this only if an answer has a longer
   * `Retry-After`.
   */
  readonly maxDelayMs: number;
  /**
   * Time limit of one try in milliseconds. A try ends if no answer arrives in this time. If the try transfers bytes, it
   * ends if no bytes are transferred in this time.
   */
  readonly perTryMs: number;
  /**
   * Time limit of the whole call in milliseconds, including delays. A transfer of bytes has no such limit unless the call
   * sets `timeoutMs`.
   */
  readonly overallMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  tries: 5,
  baseDelayMs: 250,
  maxDelayMs: 10_000,
  perTryMs: 30_000,
  overallMs: 120_000,
};

/** Returns the milliseconds to wait before the next try. Returns undefined if the call must not be tried again. */
export function delayBeforeRetry(
  policy: RetryPolicy,
  random: Random,
  failure: { readonly error: unknown; readonly tries: number; readonly retryAfterMs: number | undefined },
): number | undefined {
  if (failure.tries >= policy.tries || !isAppError(failure.error) || !failure.error.retryable) return undefined;
  const growth = { firstMs: policy.baseDelayMs, maxMs: policy.maxDelayMs };
  const delayMs = backOffMs(failure.tries, growth, { share: 1, fraction: () => random.fraction() });
  return Math.max(failure.retryAfterMs ?? 0, Math.floor(delayMs));
}

/**
 * Parses a `Retry-After` header (RFC 9110), which contains seconds or a date. Returns milliseconds from `now`, or undefined
 * if the header is missing or invalid.
 */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

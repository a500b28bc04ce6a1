import { backOffMs, isAppError } from '@proofhouse/core';
import type { Random } from './random.ts';

export interface RetryPolicy {
  /** Total number of tries of a call that may be repeated. */
  readonly tries: number;
  /** The first delay is random between 0 and this; the upper bound doubles each time. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** Milliseconds without an answer, or for transfers without a byte moving, after which a try ends. */
  readonly perTryMs: number;
  /**
   * Milliseconds for the whole call, including delays. Transfers of bytes have no overall limit unless the call sets one.
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

/** Milliseconds before the next try; undefined when the error is final. */
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

/** `Retry-After` of RFC 9110: seconds or a date, in milliseconds from now. */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

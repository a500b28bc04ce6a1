import { AppError, isAppError, type ErrorCode } from '@proofhouse/core';
import { pause, type Clock } from './clock.ts';
import { failedAnswer, redirectedAnswer } from './failed-answer.ts';
import type { Random } from './random.ts';
import type { BodyHooks } from './byte-source.ts';
import { delayBeforeRetry, type RetryPolicy } from './retry-policy.ts';
import { TryTimer } from './try-timer.ts';

/** One call as an HTTP request. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Returns the body of the request. Called once for each try. */
  readonly body?: ((hooks: BodyHooks) => Promise<BodyInit>) | undefined;
  /** True if the request may be sent again after a failure. */
  readonly repeatable: boolean;
  /** The error codes that the operation declares, in addition to `commonErrors`. */
  readonly errors: readonly ErrorCode[];
  readonly tries: number;
  /** A try without progress for this time (ms) ends. */
  readonly perTryMs: number;
  /**
   * Time limit of the call with its retries, in milliseconds. Undefined for no limit, as long as each try makes
   * progress.
   */
  readonly overallMs: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportParts {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryPolicy;
}

/**
 * Sends a request and returns the result of `read` for the successful response. If the request or `read` fails, the
 * call is retried, provided that the request may be sent again and the error is retryable.
 */
export async function perform<T>(
  parts: TransportParts,
  exchange: Exchange,
  read: (response: Response, timer: TryTimer) => Promise<T>,
): Promise<T> {
  const endsAt = exchange.overallMs === undefined ? Infinity : parts.clock.monotonic() + exchange.overallMs;
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryOnce(parts, exchange, endsAt - parts.clock.monotonic(), read);
    } catch (error) {
      exchange.signal?.throwIfAborted();
      const delay = exchange.repeatable
        ? delayBeforeRetry({ ...parts.retry, tries: exchange.tries }, parts.random, {
            error,
            tries,
            retryAfterMs: retryAfterOf(error),
          })
        : undefined;
      if (delay === undefined || parts.clock.monotonic() + delay >= endsAt) throw error;
      await pause(parts.clock, delay, exchange.signal);
      exchange.signal?.throwIfAborted();
    }
  }
}

async function tryOnce<T>(
  parts: TransportParts,
  exchange: Exchange,
  leftMs: number,
  read: (response: Response, timer: TryTimer) => Promise<T>,
): Promise<T> {
  const place = placeOf(exchange.url);
  const limitMs = Math.min(exchange.perTryMs, leftMs);
  const timer = new TryTimer(parts.clock, limitMs, () => silence(place, limitMs), exchange.signal);
  try {
    const response = await answer(parts, exchange, timer, place);
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      throw redirectedAnswer(response, place);
    }
    if (!response.ok) {
      throw await failedAnswer(response, { place, now: parts.clock.now(), errors: exchange.errors });
    }
    return await read(response, timer);
  } catch (error) {
    throw timer.signal.aborted ? timer.signal.reason : error;
  } finally {
    if (!timer.lent) timer.stop();
  }
}

async function answer(parts: TransportParts, exchange: Exchange, timer: TryTimer, place: string): Promise<Response> {
  let broken: { readonly error: unknown } | undefined;
  const body = await exchange.body?.({
    onBytes: () => timer.touch(),
    onError: (error) => {
      broken = { error };
    },
  });
  try {
    return await parts.fetch(exchange.url, {
      method: exchange.method,
      headers: exchange.headers,
      redirect: 'manual',
      signal: timer.signal,
      ...(body === undefined ? {} : { body, duplex: 'half' }),
      ...(body instanceof ReadableStream ? sentOnce : {}),
    });
  } catch (error) {
    // `broken` is an error of the byte source, such as an unreadable file. `fetch` would report it as a network error.
    if (broken !== undefined) throw broken.error;
    throw body instanceof ReadableStream && networkReason(error) === 'unexpected redirect'
      ? new AppError('bad_request', `${place} answers that the server is elsewhere. Use its own address as the URL.`)
      : unreachable(place, error);
  }
}

/**
 * Options of `fetch` for a body that is a stream. Without them, Node's fetch buffers the whole stream in memory,
 * because an answer could require sending the body again. Both options are needed to prevent this (Fetch standard,
 * HTTP-network-or-cache fetch). Their disadvantage is that the error of a redirected upload does not contain the new
 * URL.
 */
const sentOnce = { redirect: 'error', window: null } as const;

/** Returns the URL without its query and fragment, for error messages. */
export function placeOf(url: string): string {
  return url.replace(/[?#].*$/, '');
}

export function unreachable(place: string, cause: unknown): AppError {
  if (isAppError(cause)) return cause;
  const reason = networkReason(cause);
  const origin = URL.canParse(place) ? new URL(place).origin : place;
  return new AppError(
    'unavailable',
    `${origin} cannot be reached${reason === undefined ? '' : ` (${reason})`}. Is the server running, and is the URL right?`,
    { cause },
  );
}

function silence(place: string, limitMs: number): AppError {
  return new AppError(
    'unavailable',
    `${place} was silent for ${Math.ceil(limitMs / 1000)} s. Is the server overloaded?`,
  );
}

/**
 * Returns the reason of a failed `fetch`, whose error wraps the original error in one or two causes. The reason is the
 * first error code in the chain of causes, else the message of the innermost cause.
 */
function networkReason(error: unknown): string | undefined {
  let reason: string | undefined;
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    if (depth > 0) reason = at.message;
  }
  return reason;
}

export function retryAfterOf(error: unknown): number | undefined {
  const value = isAppError(error) ? error.details['retryAfterMs'] : undefined;
  return typeof value === 'number' ? value : undefined;
}

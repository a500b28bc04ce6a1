import { AppError, isAppError } from '@proofhouse/core';
import { pause } from './clock.ts';
import type { OpenedAnswer } from '../download.ts';
import { readEvents, type ServerSentEvent } from './server-sent-events.ts';
import { delayBeforeRetry } from './retry-policy.ts';
import { retryAfterOf, type TransportParts } from './transport.ts';

/**
 * An event of the stream, or `opened` each time the stream is opened. A second `opened` follows an interruption, so
 * events may have been missed before it.
 */
export type StreamItem = 'opened' | ServerSentEvent;

export interface KeptStream {
  /** Opens the stream with at most `tries` tries. Undefined means `tries` of the client's retry policy. */
  readonly open: (tries: number | undefined) => Promise<OpenedAnswer>;
  /** True if the server ended the stream because no more events can follow. False if it ended because the server stops. */
  readonly ended: () => Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
  readonly onBroken?: ((error: AppError, delayMs: number) => void) | undefined;
}

/**
 * Opens a stream and reopens it after each interruption, until `ended` returns true. The back-off grows while the
 * opened streams deliver no event. The number of tries is limited until the stream was open once. Later it is
 * unlimited, so that the consumer continues when the server is back. Throws errors that a retry cannot repair: 401,
 * 403, 404.
 */
export async function* keepOpen(
  parts: TransportParts,
  stream: KeptStream,
): AsyncGenerator<StreamItem, void, undefined> {
  const policy = { ...parts.retry, tries: Infinity };
  let wasOpen = false;
  for (let fruitless = 1; ; fruitless += 1) {
    let openedAt = Infinity;
    let error: AppError;
    try {
      const answer = await stream.open(wasOpen ? 1 : undefined);
      wasOpen = true;
      openedAt = parts.clock.monotonic();
      for await (const item of readEvents(answer)) {
        if (item !== 'opened') fruitless = 1;
        yield item;
      }
      if (await stream.ended()) return;
      error = new AppError('unavailable', `${answer.place} ended the stream.`);
    } catch (caught) {
      stream.signal?.throwIfAborted();
      if (!wasOpen || !isAppError(caught)) throw caught;
      error = caught;
    }
    if (parts.clock.monotonic() - openedAt >= policy.maxDelayMs) fruitless = 1;
    const delayMs = delayBeforeRetry(policy, parts.random, {
      error,
      tries: fruitless,
      retryAfterMs: retryAfterOf(error),
    });
    if (delayMs === undefined) throw error;
    stream.onBroken?.(error, delayMs);
    await pause(parts.clock, delayMs, stream.signal);
    stream.signal?.throwIfAborted();
  }
}

import { AppError, isAppError } from '@proofhouse/core';
import { pause } from './clock.ts';
import type { OpenedAnswer } from '../download.ts';
import { readEvents, type ServerSentEvent } from './server-sent-events.ts';
import { delayBeforeRetry } from './retry-policy.ts';
import { retryAfterOf, type TransportParts } from './transport.ts';

/** `opened`: the stream is open, for the first time or again; events in between may have been missed. */
export type StreamItem = 'opened' | ServerSentEvent;

export interface KeptStream {
  /** Opens the stream; `tries`: the number of tries, undefined for the client's policy. */
  readonly open: (tries: number | undefined) => Promise<OpenedAnswer>;
  /** Whether the server ended the stream because no more events can follow, instead of because it stops. */
  readonly ended: () => Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
  readonly onBroken?: ((error: AppError, delayMs: number) => void) | undefined;
}

/**
 * Reopens a stream until it has ended, with a back-off while it brings nothing. Before the first connection the number of
 * tries is limited as for any call; after it reconnects are unlimited, so that a follower continues when the server is
 * back. Errors that a retry cannot repair are thrown: 401, 403, 404.
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

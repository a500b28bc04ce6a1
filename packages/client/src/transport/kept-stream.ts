import { AppError, isAppError } from '@proofhouse/core';
import { pause } from './clock.ts';
import type { OpenedAnswer } from '../download.ts';
import { readEvents, type ServerSentEvent } from './server-sent-events.ts';
import { delayBeforeRetry } from './retry-policy.ts';
import { retryAfterOf, type TransportParts } from './transport.ts';

/** `opened`: the line stands, for the first time or again; what happened in between may have been missed. */
export type StreamItem = 'opened' | ServerSentEvent;

export interface KeptStream {
  /** Opens the line; `tries` says how often at most, undefined leaves it to the client's policy. */
  readonly open: (tries: number | undefined) => Promise<OpenedAnswer>;
  /** Whether the server ended the line because nothing more can come, not because it is going away. */
  readonly ended: () => Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
  readonly onBroken?: ((error: AppError, delayMs: number) => void) | undefined;
}

/**
 * Keeps a stream open until it has ended, with pauses that grow while it brings nothing. A server that was never reached
 * is given up as any call is; one that was is waited for without end, since whoever follows wants to be there when it
 * comes back. What trying again cannot help is thrown: 401, 403, 404.
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

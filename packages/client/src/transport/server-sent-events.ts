import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { watchedBody, type OpenedAnswer } from '../download.ts';
import { strangeServer } from './read-answer.ts';

/** One event of a stream (WHATWG HTML, "Server-sent events"). */
export type ServerSentEvent = EventSourceMessage;

/**
 * Largest event in characters. Real events are much smaller. The limit prevents an endless event from filling the
 * memory.
 */
const maxEventLength = 1024 * 1024;

/**
 * Yields `opened`, then every complete event until the stream ends. If the consumer stops early, the connection is
 * closed.
 */
export async function* readEvents(answer: OpenedAnswer): AsyncGenerator<'opened' | ServerSentEvent, void, undefined> {
  const whole: ServerSentEvent[] = [];
  const overflow = new AbortController();
  const parser = createParser({
    maxBufferSize: maxEventLength,
    onEvent: (event) => whole.push(event),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') overflow.abort();
    },
  });
  const decoder = new TextDecoder();
  const reader = watchedBody(answer).getReader();
  try {
    if (!(answer.response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
      throw strangeServer(answer.place, ' (the stream is no text/event-stream)');
    }
    yield 'opened';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* whole.splice(0);
      if (overflow.signal.aborted) throw strangeServer(answer.place, ' (an event without an end)');
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

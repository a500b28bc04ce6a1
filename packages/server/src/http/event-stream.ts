import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** One server-sent event (WHATWG HTML, "Server-sent events"), or a comment that keeps the connection alive. */
export type StreamItem = { readonly id?: string; readonly event?: string; readonly data: unknown } | 'keep-alive';

/** Approximate number of bytes that are buffered for a slow client. */
const highWaterMark = 16 * 1024;

/**
 * Sends `items` as server-sent events, until the items end or the server stops. If the client reads too slowly, the
 * next item is not requested until the client has read more. So the memory stays bounded. When the client disconnects,
 * the iteration of `items` ends.
 */
export function sendEventStream(
  reply: FastifyReply,
  items: AsyncIterable<StreamItem>,
  stopping: AbortSignal,
): FastifyReply {
  const lines = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(': open\n\n');
    for await (const item of items) {
      yield Buffer.from(encode(item));
      if (stopping.aborted) break;
    }
  };
  reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache, no-transform')
    .header('x-accel-buffering', 'no');
  // The answer to a HEAD request has no body. So it is sent without waiting for items.
  if (reply.request.method === 'HEAD') return reply.send('');
  const stream = Readable.from(lines(), { objectMode: false, highWaterMark });
  destroyUnreadResponse(reply.raw, stream, stopping);
  return reply.send(stream);
}

/**
 * Destroys the connection when the server stops and the client has not read all bytes. Otherwise a client that no
 * longer reads would delay the stop without limit. After a reconnect, the client resumes from its last event, as after
 * any other interruption.
 */
function destroyUnreadResponse(response: ServerResponse, stream: Readable, stopping: AbortSignal): void {
  const cut = (): void => {
    if (stopping.aborted && (response.socket?.writableLength ?? 0) > 0) response.destroy();
  };
  stopping.addEventListener('abort', cut);
  // The client may not have read all bytes when the stream ends. So the check is repeated one iteration of the event
  // loop later.
  stream.once('end', () => setImmediate(cut));
  response.once('close', () => {
    stopping.removeEventListener('abort', cut);
  });
}

// Returns the text of one event. It needs only one `data:` line, because `JSON.stringify` writes no line breaks.
function encode(item: StreamItem): string {
  if (item === 'keep-alive') return ': keep-alive\n\n';
  const id = item.id === undefined ? '' : `id: ${item.id}\n`;
  const event = item.event === undefined ? '' : `event: ${item.event}\n`;
  return `${id}${event}data: ${JSON.stringify(item.data)}\n\n`;
}

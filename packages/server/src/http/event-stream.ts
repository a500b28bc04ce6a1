import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** One server-sent event (WHATWG HTML, "Server-sent events"), or a comment that keeps the connection alive. */
export type StreamItem = { readonly id?: string; readonly event?: string; readonly data: unknown } | 'keep-alive';

/** Bytes that are buffered for a slow reader, approximately. */
const highWaterMark = 16 * 1024;

/**
 * Sends items as server-sent events until they end or the server stops. While the reader does not keep up, the generator is
 * not resumed, so memory stays bounded; a disconnected reader ends it.
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
  // An answer to HEAD has no body, so it must not wait for the end of the stream.
  if (reply.request.method === 'HEAD') return reply.send('');
  const stream = Readable.from(lines(), { objectMode: false, highWaterMark });
  destroyUnreadResponse(reply.raw, stream, stopping);
  return reply.send(stream);
}

/**
 * A reader that stopped reading would delay the stop of the server without limit. Its connection is destroyed, and it
 * resumes from its last event after a reconnect, as after any other interruption.
 */
function destroyUnreadResponse(response: ServerResponse, stream: Readable, stopping: AbortSignal): void {
  const cut = (): void => {
    if (stopping.aborted && (response.socket?.writableLength ?? 0) > 0) response.destroy();
  };
  stopping.addEventListener('abort', cut);
  // The socket's buffer may still be full when the stream ends.
  stream.once('end', () => setImmediate(cut));
  response.once('close', () => {
    stopping.removeEventListener('abort', cut);
  });
}

// JSON contains no line breaks, so one data line is enough.
function encode(item: StreamItem): string {
  if (item === 'keep-alive') return ': keep-alive\n\n';
  const id = item.id === undefined ? '' : `id: ${item.id}\n`;
  const event = item.event === undefined ? '' : `event: ${item.event}\n`;
  return `${id}${event}data: ${JSON.stringify(item.data)}\n\n`;
}

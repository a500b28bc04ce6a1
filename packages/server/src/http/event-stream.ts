import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** One server-sent event (WHATWG HTML, "Server-sent events"), or a comment that keeps the line alive. */
export type StreamItem = { readonly id?: string; readonly event?: string; readonly data: unknown } | 'keep-alive';

/** Bytes written ahead of a slow reader, at most about this many. */
const highWaterMark = 16 * 1024;

/**
 * Sends items as Server-Sent Events until they end or the server stops. A reader that does not keep up stops the generator
 * from being asked, so that memory stays flat; one that goes away ends it.
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
  // The headers alone would wait for an end that may never come.
  if (reply.request.method === 'HEAD') return reply.send('');
  const stream = Readable.from(lines(), { objectMode: false, highWaterMark });
  leaveUnreadBehind(reply.raw, stream, stopping);
  return reply.send(stream);
}

/**
 * A reader that has stopped reading would keep a stopping server for as long as it likes. It is cut off, and goes on
 * elsewhere from the last event that it has, as after any other break.
 */
function leaveUnreadBehind(response: ServerResponse, stream: Readable, stopping: AbortSignal): void {
  const cut = (): void => {
    if (stopping.aborted && (response.socket?.writableLength ?? 0) > 0) response.destroy();
  };
  stopping.addEventListener('abort', cut);
  // The end itself may find the way full.
  stream.once('end', () => setImmediate(cut));
  response.once('close', () => {
    stopping.removeEventListener('abort', cut);
  });
}

// JSON has no line breaks of its own, so one data line is enough.
function encode(item: StreamItem): string {
  if (item === 'keep-alive') return ': keep-alive\n\n';
  const id = item.id === undefined ? '' : `id: ${item.id}\n`;
  const event = item.event === undefined ? '' : `event: ${item.event}\n`;
  return `${id}${event}data: ${JSON.stringify(item.data)}\n\n`;
}

import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** One server-sent event (WHATWG HTML, "Server-sent events"), or a comment that keeps the line alive. */
export type StreamItem = { readonly id?: string; readonly event?: string; readonly data: unknown } | 'keep-alive';

/** Bytes written ahead of a slow reader, at most about this many. */
const highWaterMark = 16 * 1024;

/**
 * Sends items as Server-Sent Events until they end. A reader that does not keep up stops the generator from being
 * asked, so that memory stays flat; one that goes away ends it.
 */
export function sendEventStream(reply: FastifyReply, items: AsyncIterable<StreamItem>): FastifyReply {
  const lines = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(': open\n\n');
    for await (const item of items) yield Buffer.from(encode(item));
  };
  reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache, no-transform')
    .header('x-accel-buffering', 'no');
  // The headers alone would wait for an end that may never come.
  if (reply.request.method === 'HEAD') return reply.send('');
  return reply.send(Readable.from(lines(), { objectMode: false, highWaterMark }));
}

// JSON has no line breaks of its own, so one data line is enough.
function encode(item: StreamItem): string {
  if (item === 'keep-alive') return ': keep-alive\n\n';
  const id = item.id === undefined ? '' : `id: ${item.id}\n`;
  const event = item.event === undefined ? '' : `event: ${item.event}\n`;
  return `${id}${event}data: ${JSON.stringify(item.data)}\n\n`;
}

import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** Aborts when the client disconnects before the answer. */
export function abortSignalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

/**
 * Aborts when the client disconnects or half-closes. A client that half-closed may still read its answer, or may be a
 * killed process, and only a write shows which. So the call is answered, but no wait goes on for it.
 */
export function waitSignalOf(reply: FastifyReply): AbortSignal {
  const { signal, abort, forget } = halfCloseOf(reply.request.raw.socket);
  reply.raw.once('close', () => {
    forget();
    if (!reply.raw.writableFinished) abort();
  });
  return signal;
}

/** Aborts when the peer half-closes a connection. Call `forget` when the signal is no longer used. */
export function halfCloseOf(socket: Socket): {
  readonly signal: AbortSignal;
  readonly abort: () => void;
  readonly forget: () => void;
} {
  const controller = new AbortController();
  const end = (): void => {
    controller.abort();
  };
  if (socket.readableEnded) end();
  else socket.once('end', end);
  const forget = (): void => {
    socket.removeListener('end', end);
  };
  return { signal: controller.signal, abort: end, forget };
}

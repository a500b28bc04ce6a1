import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** Aborts when the client goes away before it was answered. */
export function abortSignalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

/**
 * Aborts when the client goes away or ends its side. A client that has ended its side may still read its answer, or may
 * be a killed process: only a write shows which. So it is answered, but nothing waits on its behalf.
 */
export function waitSignalOf(reply: FastifyReply): AbortSignal {
  const { signal, abort, forget } = halfCloseOf(reply.request.raw.socket);
  reply.raw.once('close', () => {
    forget();
    if (!reply.raw.writableFinished) abort();
  });
  return signal;
}

/** Aborts when the other side of a connection is ended. `forget` must be called when nobody waits any more. */
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

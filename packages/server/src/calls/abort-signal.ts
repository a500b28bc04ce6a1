import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** Returns a signal that aborts when the client disconnects before the response is complete. */
export function abortSignalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

/**
 * Returns a signal that aborts when the client disconnects or half-closes the connection. After a half-close, the
 * client may still read the response, or its process may have been killed. Only a write to the connection shows this.
 * So the server ends the long poll of the call at once, and still answers it.
 */
export function waitSignalOf(reply: FastifyReply): AbortSignal {
  const { signal, abort, forget } = halfCloseOf(reply.request.raw.socket);
  reply.raw.once('close', () => {
    forget();
    if (!reply.raw.writableFinished) abort();
  });
  return signal;
}

/**
 * Returns a signal that aborts when the peer half-closes the connection. `abort` aborts the signal too. The caller must
 * call `forget` when it no longer uses the signal, so that the listener is removed.
 */
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

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../kernel/time/clock.ts';
import { lingerClose, markClosing } from './bytes/linger-close.ts';

/** Returns true if the client may still be sending a body that was not read completely. */
export function bodyIsUnread(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * Closes the connection after an answer that is sent before the body was read. Node ends a response with `Connection:
 * close` by calling `socket.destroySoon`, which closes both directions at once. So this function replaces `destroySoon`
 * of the socket by `lingerClose`.
 */
export function closeAfterAnswer(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  response.setHeader('connection', 'close');
  const { socket } = request;
  markClosing(socket);
  socket.destroySoon = () => {
    // The handler no longer reads the body. A `readable` listener that remained would prevent `resume` from draining
    // the body.
    if (request.listenerCount('readable') > 0) request.removeAllListeners('readable');
    lingerClose(socket, clock);
    request.resume();
  };
}

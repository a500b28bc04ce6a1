import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../kernel/time/clock.ts';
import { lingerClose, markClosing } from './bytes/linger-close.ts';

/** Whether the client is (or may be) still sending a body that no handler has read. */
export function bodyIsUnread(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * Ends the connection after an answer that was sent before the body was read. Node ends a `Connection: close` response with
 * `socket.destroySoon`, which closes both halves; for this socket it is replaced by `lingerClose`.
 */
export function closeAfterAnswer(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  response.setHeader('connection', 'close');
  const { socket } = request;
  markClosing(socket);
  socket.destroySoon = () => {
    // The reader of the body has stopped; a listener that it left would keep the body from flowing.
    if (request.listenerCount('readable') > 0) request.removeAllListeners('readable');
    lingerClose(socket, clock);
    request.resume();
  };
}

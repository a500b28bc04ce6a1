import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../kernel/time/clock.ts';
import { lingerClose, markClosing } from './bytes/linger-close.ts';

/** Whether the client is (or may be) still sending a body that nobody has read. */
export function bodyIsUnread(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * Ends the connection after an answer that came before the body was read. Node ends a `Connection: close` response through
 * `socket.destroySoon`, which closes both halves; `lingerClose` takes its place for this one socket.
 */
export function closeAfterAnswer(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  response.setHeader('connection', 'close');
  const { socket } = request;
  markClosing(socket);
  socket.destroySoon = () => {
    // Whoever read the body has stopped; a reader's listener left behind would keep it from flowing.
    if (request.listenerCount('readable') > 0) request.removeAllListeners('readable');
    lingerClose(socket, clock);
    request.resume();
  };
}

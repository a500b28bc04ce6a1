import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import { limits } from './limits.ts';

/** Whether the client is (or may be) still sending a body that nobody has read. */
export function bodyIsUnread(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * Ends the connection after an answer that came before the body was read. Closing at once would reset
 * the connection and the client would lose the answer, so: half-close, read on a little, then destroy.
 *
 * Node ends a `Connection: close` response through `socket.destroySoon`, which closes both halves; this
 * takes its place for this one socket.
 */
export function closeAfterAnswer(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  response.setHeader('connection', 'close');
  const socket: Socket = request.socket;
  socket.destroySoon = () => {
    const readAtEnd = socket.bytesRead;
    const finish = (): void => {
      cancel();
      socket.removeListener('data', check);
      socket.destroy();
    };
    const check = (): void => {
      if (socket.bytesRead - readAtEnd > limits.drainBytes) finish();
    };
    const cancel = clock.after(limits.drainMs, finish);
    socket.end();
    // On the socket, not the request: Node throws an unread body away without telling. A socket that waits must go on
    // first: a listener takes it out of the hands of Node's parser, which then cannot wake it any more.
    const watch = (): void => {
      socket.on('data', check);
    };
    if (socket.isPaused()) socket.once('resume', watch).resume();
    else watch();
    // Whoever read the body has stopped; a reader's listener left behind would keep it from flowing.
    if (request.listenerCount('readable') > 0) request.removeAllListeners('readable');
    request.once('end', finish);
    request.once('error', finish);
    socket.once('close', cancel);
    request.resume();
  };
}

import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/time/clock.ts';
import { limits } from '../limits.ts';

const closing = new WeakSet<Socket>();

/**
 * Marks a connection that will close after its current answer. Requests that were pipelined after the current one are not
 * answered (RFC 9112 section 9.6).
 */
export function markClosing(socket: Socket): void {
  closing.add(socket);
}

export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/**
 * Closes a connection on which the client may still be sending (RFC 9112 section 9.6). If the socket were destroyed
 * while bytes are unread, the connection would be reset, and the client would lose the answer. So the server
 * half-closes the connection and reads until the client closes it. The socket is destroyed at the latest after
 * `limits.drainBytes` or `limits.drainMs`.
 */
export function lingerClose(socket: Socket, clock: Clock): void {
  markClosing(socket);
  const readAtEnd = socket.bytesRead;
  const finish = (): void => {
    cancel();
    socket.removeListener('data', check).removeListener('end', finishWhenWritten);
    socket.destroy();
  };
  const check = (): void => {
    if (socket.bytesRead - readAtEnd > limits.drainBytes) finish();
  };
  // The answer may still be in the buffer of the socket. If the socket were destroyed now, the client would not receive
  // the answer.
  const finishWhenWritten = (): void => {
    if (socket.writableFinished) finish();
    else socket.once('finish', finish);
  };
  const cancel = clock.after(limits.drainMs, finish);
  socket.once('close', cancel);
  socket.end();
  if (socket.readableEnded) {
    finishWhenWritten();
    return;
  }
  socket.once('end', finishWhenWritten);
  // The listener is on the socket, because Node discards an unread body without emitting an event of the request. The
  // listener detaches the socket from Node's parser. After that, the parser cannot resume a paused socket, so it must
  // be resumed before the listener is added.
  const watch = (): void => {
    socket.on('data', check);
  };
  if (socket.isPaused()) socket.once('resume', watch).resume();
  else watch();
}

import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/time/clock.ts';
import { limits } from '../limits.ts';

const closing = new WeakSet<Socket>();

/** Marks a connection whose current answer is its last: requests behind it are not served (RFC 9112 section 9.6). */
export function markClosing(socket: Socket): void {
  closing.add(socket);
}

export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/**
 * Closes a connection on which the client may still be sending (RFC 9112 section 9.6). Destroying it while bytes are unread
 * resets the connection, and the client would lose the answer, so: half-close, read until the client closes, and
 * destroy at the latest after `limits.drainBytes` or `limits.drainMs`.
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
  // The answer may still be in the buffer of the socket: destroying it would drop those bytes.
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
  // On the socket, not the request: Node discards an unread body without an event. A paused socket must resume first: a
  // listener detaches it from Node's parser, which then cannot resume it any more.
  const watch = (): void => {
    socket.on('data', check);
  };
  if (socket.isPaused()) socket.once('resume', watch).resume();
  else watch();
}

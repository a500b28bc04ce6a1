import { parentPort } from 'node:worker_threads';

/** A message from a `ThreadPool` to one of its threads. */
export type ToThread =
  { readonly kind: 'ask'; readonly request: unknown } | { readonly kind: 'end-session' } | { readonly kind: 'close' };

/** The reply of a thread to an `ask` message. Replies are in the order of the `ask` messages. */
export type FromThread =
  { readonly value: unknown } | { readonly error: { readonly message: string; readonly code: unknown } };

export interface ThreadService {
  /** Returns the answer to one request. An error that it throws is thrown in the session that sent the request. */
  answer(request: unknown): unknown;
  /** Called at the end of a session. Must release the resources of the session, such as a transaction. */
  endSession(): void;
  /** Called after the last session. Must close all handles, because an open handle would keep the thread alive. */
  close(): void;
}

/**
 * Serves the messages of a `ThreadPool` inside a thread. The script of the thread must call it once. If `endSession` or
 * `close` throws, the thread ends. This module may import only modules of Node, because each new thread loads it.
 */
export function serveThread(service: ThreadService): void {
  const port = parentPort;
  if (port === null) throw new Error('This script runs as a thread of a ThreadPool.');
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'ask':
        port.postMessage(attempt(() => service.answer(message.request)));
        return;
      case 'end-session':
        service.endSession();
        return;
      case 'close':
        service.close();
        port.close();
    }
  });
}

function attempt(action: () => unknown): FromThread {
  try {
    return { value: action() };
  } catch (error) {
    // A structured clone of an error loses its field `code`. So the message and the code are sent instead.
    const { message = String(error), code } = error as { readonly message?: string; readonly code?: unknown };
    return { error: { message, code } };
  }
}

import { parentPort } from 'node:worker_threads';

/** What a `ThreadPool` sends to a thread. */
export type ToThread =
  { readonly kind: 'ask'; readonly request: unknown } | { readonly kind: 'end-session' } | { readonly kind: 'close' };

/** What a thread sends back for each `ask`, in order. */
export type FromThread =
  { readonly value: unknown } | { readonly error: { readonly message: string; readonly code: unknown } };

export interface ThreadService {
  /** Answers one request. What it throws is thrown to the session that asked. */
  answer(request: unknown): unknown;
  /** The session is over: resources that it held, such as a transaction, must be released. */
  endSession(): void;
  /** No session follows. Afterwards nothing may keep the thread alive. */
  close(): void;
}

/**
 * The side of a `ThreadPool` that runs in the thread; a script calls it once. An error that `endSession` or `close` throws ends
 * the thread. Imports nothing but Node, because each thread loads it anew.
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
    // Structured cloning would lose the code of an error.
    const { message = String(error), code } = error as { readonly message?: string; readonly code?: unknown };
    return { error: { message, code } };
  }
}

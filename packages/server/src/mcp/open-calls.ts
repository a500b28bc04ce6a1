import { actorOf, type Principal } from '@proofhouse/core';

/**
 * The MCP calls in progress. A client can cancel such a call with another request (`notifications/cancelled`). The
 * session id of MCP only distinguishes the request ids of one client from those of another client. The session has no
 * other state.
 */
export class OpenCalls {
  readonly #calls = new Map<string, () => void>();

  /** Adds a call. `end` is called when the call is cancelled. The returned function removes the call. */
  add(principal: Principal, session: string | undefined, id: unknown, end: () => void): () => void {
    const key = keyOf(principal, session, id);
    if (key === undefined) return () => undefined;
    this.#calls.set(key, end);
    return () => {
      if (this.#calls.get(key) === end) this.#calls.delete(key);
    };
  }

  cancel(principal: Principal, session: string | undefined, id: unknown): void {
    const key = keyOf(principal, session, id);
    if (key !== undefined) this.#calls.get(key)?.();
  }
}

// Returns the key of a call, or undefined without a session. Such a call cannot be cancelled: two clients of one worker
// would have the same keys, because each client counts its request ids from 0.
function keyOf(principal: Principal, session: string | undefined, id: unknown): string | undefined {
  if (session === undefined || (typeof id !== 'string' && typeof id !== 'number')) return undefined;
  return JSON.stringify([principal.kind, actorOf(principal), session, id]);
}

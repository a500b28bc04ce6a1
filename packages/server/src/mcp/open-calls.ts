import { actorOf, type Principal } from '@proofhouse/core';

/**
 * The MCP calls in progress. A client can cancel a call with another request (`notifications/cancelled`). The MCP
 * session id only distinguishes the request ids of different clients. The session has no other state.
 */
export class OpenCalls {
  readonly #calls = new Map<string, () => void>();

  /** Adds a call. `end` is called if the client cancels the call. The returned function removes the call. */
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

// Returns the key of a call. Returns undefined without a session id; the call can then not be cancelled. Each client
// counts its request ids from 0, so two clients of one worker would otherwise have the same keys.
function keyOf(principal: Principal, session: string | undefined, id: unknown): string | undefined {
  if (session === undefined || (typeof id !== 'string' && typeof id !== 'number')) return undefined;
  return JSON.stringify([principal.kind, actorOf(principal), session, id]);
}

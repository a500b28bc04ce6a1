import { actorOf, type Principal } from '@proofhouse/core';

/**
 * The calls in progress, so that a client can cancel one with another request (`notifications/cancelled`). A session is
 * only the name that distinguishes the request ids of its client; it has no other state.
 */
export class OpenCalls {
  readonly #calls = new Map<string, () => void>();

  /** `end` is called when the call is cancelled. The returned function removes the call. */
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

// Without a session, two clients of one worker have the same request ids: each counts from 0.
function keyOf(principal: Principal, session: string | undefined, id: unknown): string | undefined {
  if (session === undefined || (typeof id !== 'string' && typeof id !== 'number')) return undefined;
  return JSON.stringify([principal.kind, actorOf(principal), session, id]);
}

import { actorOf, type Principal } from '@proofhouse/core';

/**
 * The calls under way, so that a client can take one back with a request of its own (`notifications/cancelled`). A
 * session is nothing but the name under which its client counts its requests; no other state hangs on it.
 */
export class OpenCalls {
  readonly #calls = new Map<string, () => void>();

  /** `end` is called when the call is cancelled. The result takes it off the list again. */
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

// Without a session two clients of one worker could not be told apart: each counts from 0.
function keyOf(principal: Principal, session: string | undefined, id: unknown): string | undefined {
  if (session === undefined || (typeof id !== 'string' && typeof id !== 'number')) return undefined;
  return JSON.stringify([principal.kind, actorOf(principal), session, id]);
}

/** The source of randomness. It is injected, so that a test can repeat a run. */
export interface Random {
  /** Returns a number that is at least 0 and less than 1. */
  fraction(): number;
  /**
   * Returns a new idempotency key for one call. All tries of the call send this key, so that the server executes it
   * only once.
   */
  idempotencyKey(): string;
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  idempotencyKey: unguessable,
};

/** Returns 128 random bits in hexadecimal. */
export function unguessable(): string {
  // `randomUUID` does not exist on pages that are served over plain http, so it cannot be used.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

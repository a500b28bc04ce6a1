/** Source of randomness, injected so that a test can repeat a run. */
export interface Random {
  /** At least 0, less than 1. */
  fraction(): number;
  /** A new key for every call; retries of the call use it again, so they are idempotent. */
  idempotencyKey(): string;
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  idempotencyKey: unguessable,
};

/** 128 random bits in hex. */
export function unguessable(): string {
  // getRandomValues, not randomUUID: the latter does not exist on pages served over plain http.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

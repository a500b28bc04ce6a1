import { hasSecret } from '../kernel/house-secrets.ts';
import { sha256Hex } from '../kernel/secret.ts';

/** Matches the usual idempotency keys, which need no scan. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Returns the form in which an idempotency key is stored: its digest if the key contains a secret, else the key itself.
 * The result does not depend on the secret policy, so a key is recognized again after the policy was changed.
 */
export function storedKey(key: string): string {
  return uuid.test(key) || !hasSecret(key) ? key : `sha256:${sha256Hex(key)}`;
}

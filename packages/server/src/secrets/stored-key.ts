import { hasSecret } from '../kernel/house-secrets.ts';
import { sha256Hex } from '../kernel/secret.ts';

/** Matches UUIDs, which most idempotency keys are. They need no scan. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Returns the text that is stored for an idempotency key: its digest if the key contains a secret, else the key itself.
 * This is the same under every secret policy. So a key is recognized again after a change of the policy.
 */
export function storedKey(key: string): string {
  return uuid.test(key) || !hasSecret(key) ? key : `sha256:${sha256Hex(key)}`;
}

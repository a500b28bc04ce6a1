import { idempotencyLifeMs, type IdempotencyKey } from '../kernel/commit.ts';
import { sha256Hex } from '../kernel/secret.ts';
import { storedKey } from '../secrets/stored-key.ts';
import type { Clock } from '../kernel/time/clock.ts';

/**
 * Returns the idempotency key of a call, with a fingerprint of `request`. A later call with the same key must have an
 * equal `request`. Both are compared as JSON.
 */
export function idempotencyOf(
  clock: Pick<Clock, 'now'>,
  principal: string,
  operation: string,
  key: string,
  request: object,
): Omit<IdempotencyKey, 'resourceId'> {
  const fingerprint = sha256Hex(JSON.stringify(request));
  return { principal, operation, key: storedKey(key), fingerprint, expiresAt: clock.now() + idempotencyLifeMs };
}

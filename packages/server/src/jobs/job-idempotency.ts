import { idempotencyLifeMs, type IdempotencyKey } from '../kernel/commit.ts';
import { sha256Hex } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time/clock.ts';

/** The idempotency key of a call; calls with one key must be the same `request`, compared by its JSON. */
export function idempotencyOf(
  clock: Pick<Clock, 'now'>,
  principal: string,
  operation: string,
  key: string,
  request: object,
): Omit<IdempotencyKey, 'resourceId'> {
  const fingerprint = sha256Hex(JSON.stringify(request));
  return { principal, operation, key, fingerprint, expiresAt: clock.now() + idempotencyLifeMs };
}

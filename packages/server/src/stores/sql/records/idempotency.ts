import type { IdempotencyKey } from '../../../kernel/commit.ts';
import type { IdempotencyRow } from '../engine/schema.ts';
import type { QueueDialect } from '../queue/queue-dialect.ts';
import { placeholdersOf } from '../engine/placeholder.ts';
import { statement } from '../engine/statement.ts';
import { first, put, rows, run, type Verb } from '../engine/verb.ts';

export type KeyParts = Pick<IdempotencyRow, 'principal' | 'operation' | 'key'>;

const columns = ['principal', 'operation', 'key', 'fingerprint', 'resource_id', 'expires_at'] as const;

/** Inserts an idempotency key. An expired key counts as absent and is replaced. */
const insertKey = statement<IdempotencyRow & { now: number }>()((db, p) =>
  db
    .insertInto('idempotency_keys')
    .values(placeholdersOf<IdempotencyRow, keyof IdempotencyRow>(p, columns))
    .onConflict((on) =>
      on
        .columns(['principal', 'operation', 'key'])
        .doUpdateSet((eb) => ({
          fingerprint: eb.ref('excluded.fingerprint'),
          resource_id: eb.ref('excluded.resource_id'),
          expires_at: eb.ref('excluded.expires_at'),
        }))
        .where('idempotency_keys.expires_at', '<=', p.now),
    ),
);

const findKey = statement<KeyParts>()((db, p) =>
  db
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'resource_id'])
    .where('principal', '=', p.principal)
    .where('operation', '=', p.operation)
    .where('key', '=', p.key),
);

const setResource = statement<KeyParts & { resourceId: string }>()((db, p) =>
  db
    .updateTable('idempotency_keys')
    .set({ resource_id: p.resourceId })
    .where('principal', '=', p.principal)
    .where('operation', '=', p.operation)
    .where('key', '=', p.key),
);

const deleteKey = statement<KeyParts>()((db, p) =>
  db
    .deleteFrom('idempotency_keys')
    .where('principal', '=', p.principal)
    .where('operation', '=', p.operation)
    .where('key', '=', p.key),
);

const expiredKeys = statement<{ now: number; limit: number }>()((db, p, syntax) =>
  syntax.locked(
    db
      .selectFrom('idempotency_keys')
      .select(['principal', 'operation', 'key'])
      .where('expires_at', '<=', p.now)
      .orderBy('expires_at')
      .limit(p.limit),
    'skip',
  ),
);

export type KeyUse =
  { readonly use: 'fresh' } | { readonly use: 'repeated'; readonly resourceId: string } | { readonly use: 'conflict' };

/**
 * Reserves the idempotency key for this request. Must be the first statement of a transaction: a concurrent request
 * with the same key waits here until this transaction ends, and then reads its result.
 */
export function* useKey(key: IdempotencyKey, now: number): Verb<KeyUse> {
  const row = keyToRow(key);
  for (;;) {
    if ((yield* run(insertKey, { ...row, now })) > 0) return { use: 'fresh' };
    const known = yield* first(findKey, row);
    // Another transaction deleted the key between the insert and this read. So the loop inserts the key again.
    if (known === undefined) continue;
    return known.fingerprint === key.fingerprint
      ? { use: 'repeated', resourceId: known.resource_id }
      : { use: 'conflict' };
  }
}

/**
 * Reserves several different idempotency keys; see `useKey`. All servers lock keys in the same order, so two servers
 * with the same keys cannot deadlock.
 */
export function* useKeys(
  dialect: QueueDialect,
  keys: readonly IdempotencyKey[],
  now: number,
): Verb<Map<IdempotencyKey, KeyUse>> {
  const sorted = keys.toSorted((a, b) => (nameOfKey(a) < nameOfKey(b) ? -1 : 1));
  const taken = new Set(yield* dialect.takeKeys(sorted.map(keyToRow), now));
  const uses = new Map<IdempotencyKey, KeyUse>();
  for (const key of sorted) {
    uses.set(key, taken.has(nameOfKey(key)) ? { use: 'fresh' } : yield* useKey(key, now));
  }
  return uses;
}

/**
 * Returns the name of a key. Two keys are equal if their names are equal. The parts of the key are in the form in which
 * the engines store them.
 */
export function nameOfKey({ principal, operation, key }: KeyParts): string {
  return JSON.stringify([principal, operation, key].map((text) => text.replaceAll('\0', '\uFFFD').toWellFormed()));
}

function keyToRow(key: IdempotencyKey): IdempotencyRow {
  return {
    principal: key.principal,
    operation: key.operation,
    key: key.key,
    fingerprint: key.fingerprint,
    resource_id: key.resourceId,
    expires_at: key.expiresAt,
  };
}

/** Inserts the keys that are absent or expired, one by one, and returns their names. */
export function* takeOneByOne(keys: readonly IdempotencyRow[], now: number): Verb<string[]> {
  const taken: string[] = [];
  for (const key of keys) if ((yield* run(insertKey, { ...key, now })) > 0) taken.push(nameOfKey(key));
  return taken;
}

/** Stores the id of the resource that the request created, once the id is known. */
export function* nameResource(key: KeyParts, resourceId: string): Verb<void> {
  yield* put(setResource, { principal: key.principal, operation: key.operation, key: key.key, resourceId });
}

/** Deletes the key, because the request created nothing. The same key can then be used again. */
export function* releaseKey(key: KeyParts): Verb<void> {
  yield* put(deleteKey, { principal: key.principal, operation: key.operation, key: key.key });
}

/** Deletes expired keys, oldest first, and returns their number. */
export function* deleteExpiredKeys(now: number, limit: number): Verb<number> {
  const expired = yield* rows(expiredKeys, { now, limit });
  for (const key of expired) yield* releaseKey(key);
  return expired.length;
}

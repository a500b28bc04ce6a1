import type { IdempotencyKey } from '../../../kernel/commit.ts';
import type { IdempotencyRow } from '../engine/schema.ts';
import type { QueueDialect } from '../queue/queue-dialect.ts';
import { placeholdersOf, statement } from '../engine/statement.ts';
import { first, put, rows, run, type Verb } from '../engine/verb.ts';

export type KeyParts = Pick<IdempotencyRow, 'principal' | 'operation' | 'key'>;

const columns = ['principal', 'operation', 'key', 'fingerprint', 'resource_id', 'expires_at'] as const;

/** A key that is past its time counts as absent and is replaced. */
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
 * Takes the key for this request, first of all that a verb does: another request with the key waits here until this one
 * is committed or undone, and then sees it.
 */
export function* useKey(key: IdempotencyKey, now: number): Verb<KeyUse> {
  const row = keyToRow(key);
  for (;;) {
    if ((yield* run(insertKey, { ...row, now })) > 0) return { use: 'fresh' };
    const known = yield* first(findKey, row);
    // Absent: it was there for the insert and was deleted before this look.
    if (known === undefined) continue;
    return known.fingerprint === key.fingerprint
      ? { use: 'repeated', resourceId: known.resource_id }
      : { use: 'conflict' };
  }
}

/**
 * The same for many requests, whose keys must differ. They are taken in one order everywhere: two servers that take
 * the same keys wait for one another instead of locking each other out.
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

/** Two keys are the same when their names are: as the engines keep them. */
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

/** Takes the keys that nobody has, and gives their names. */
export function* takeOneByOne(keys: readonly IdempotencyRow[], now: number): Verb<string[]> {
  const taken: string[] = [];
  for (const key of keys) if ((yield* run(insertKey, { ...key, now })) > 0) taken.push(nameOfKey(key));
  return taken;
}

/** Says what the key made, once that is known. */
export function* nameResource(key: KeyParts, resourceId: string): Verb<void> {
  yield* put(setResource, { principal: key.principal, operation: key.operation, key: key.key, resourceId });
}

/** Gives the key back: the request made nothing. */
export function* releaseKey(key: KeyParts): Verb<void> {
  yield* put(deleteKey, { principal: key.principal, operation: key.operation, key: key.key });
}

/** Deletes keys that are past their time, the oldest first; gives how many. */
export function* deleteExpiredKeys(now: number, limit: number): Verb<number> {
  const expired = yield* rows(expiredKeys, { now, limit });
  for (const key of expired) yield* releaseKey(key);
  return expired.length;
}

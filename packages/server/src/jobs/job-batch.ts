import { AppError, fieldError, isAppError } from '@proofhouse/core';
import { sha256Hex } from '../kernel/secret.ts';
import type { NewJob } from './new-job.ts';

/** One job of a batch, with its own idempotency key if the client gave one. */
export interface BatchItem extends NewJob {
  readonly idempotencyKey?: string | null | undefined;
}

/** The idempotency key of an item in a batch, and the content from which the fingerprint of the key is computed. */
export interface ItemKey {
  readonly key: string;
  readonly request: object;
}

/**
 * Returns the idempotency key of each item, in the order of the items. If an item has no key, its key is derived from
 * the key of the batch and the index of the item. The fingerprint of a derived key covers the whole batch. If the batch
 * has no key either, the item gets undefined. Throws `invalid_request` when two items have the same key.
 */
export function keysOfItems(items: readonly BatchItem[], batchKey: string | undefined): (ItemKey | undefined)[] {
  const first = new Map<string, number>();
  const batch = batchKey === undefined ? '' : sha256Hex(JSON.stringify(items));
  return items.map(({ idempotencyKey, ...job }, index) => {
    if (idempotencyKey == null) {
      return batchKey === undefined ? undefined : { key: placeKey(batchKey, index), request: [index, batch] };
    }
    const before = first.get(idempotencyKey);
    first.set(idempotencyKey, index);
    if (before === undefined) return { key: idempotencyKey, request: job };
    throw fieldError(`items.${String(index)}.idempotencyKey`, `is that of items.${String(before)} too`);
  });
}

// A derived key is longer than any key that a client can send, so it never equals one.
function placeKey(batchKey: string, index: number): string {
  return `batch:${sha256Hex(batchKey)}:${String(index)}:${'-'.repeat(200)}`;
}

/**
 * Calls `make` for each item and returns the results. If `make` refuses some items, throws one error with the
 * refusals of all of them. Each path in the error begins with the index of its item.
 */
export function eachItem<Made>(items: readonly BatchItem[], make: (item: BatchItem) => Made): Made[] {
  const refusals: AppError[] = [];
  const made = items.flatMap((item, index) => {
    try {
      return [make(item)];
    } catch (error) {
      if (!isAppError(error)) throw error;
      refusals.push(atItem(error, index));
      return [];
    }
  });
  const [refusal] = refusals;
  if (refusal === undefined) return made;
  const { code, message } = refusal;
  throw new AppError(code, message, { errors: refusals.flatMap(({ errors }) => errors) });
}

function atItem(error: AppError, index: number): AppError {
  const at = `items.${String(index)}`;
  const errors = error.errors.map(({ path, message }) => ({ path: `${at}.${path}`, message }));
  return new AppError(error.code, `${at}: ${error.message}`, {
    errors: errors.length === 0 ? [{ path: at, message: error.message }] : errors,
  });
}

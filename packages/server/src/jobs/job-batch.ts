import { AppError, fieldError, isAppError, type JobRecord } from '@proofhouse/core';
import { sha256Hex } from '../kernel/secret.ts';
import type { NewJob } from './new-job.ts';

/** One job of a batch, with a key of its own if it has one. */
export interface BatchItem extends NewJob {
  readonly idempotencyKey?: string | null | undefined;
}

/** The key of an item and what makes it the same request again. */
export interface ItemKey {
  readonly key: string;
  readonly request: object;
}

/**
 * The keys of the items, in their order: an item's own, or one made of the batch's and the item's place, which fits only the
 * same batch. Errors: `invalid_request` for a key that two items carry.
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

// Longer than any key that a client may send, so that it is none of theirs.
function placeKey(batchKey: string, index: number): string {
  return `batch:${sha256Hex(batchKey)}:${String(index)}:${'-'.repeat(200)}`;
}

/** Makes each record; what is wrong with any item is said with the place of the item. Errors: those of `make`. */
export function eachItem(items: readonly BatchItem[], make: (item: BatchItem) => JobRecord): JobRecord[] {
  const refusals: AppError[] = [];
  const jobs = items.flatMap((item, index) => {
    try {
      return make(item);
    } catch (error) {
      if (!isAppError(error)) throw error;
      refusals.push(atItem(error, index));
      return [];
    }
  });
  const [refusal] = refusals;
  if (refusal === undefined) return jobs;
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

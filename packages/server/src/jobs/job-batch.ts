import { AppError, fieldError, isAppError, type JobRecord } from '@proofhouse/core';
import { sha256Hex } from '../kernel/secret.ts';
import type { NewJob } from './new-job.ts';

/** One job of a batch, with a key of its own if it has one. */
export interface BatchItem extends NewJob {
  readonly idempotencyKey?: string | null | undefined;
}

/** The key of an item, and the content that its fingerprint is computed from. */
export interface ItemKey {
  readonly key: string;
  readonly request: object;
}

/**
 * The keys of the items, in order: an item's own, or one derived from the key of the batch and the item's index, whose
 * fingerprint covers the whole batch. Errors: `invalid_request` for a key of two items.
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

// Longer than the longest key of a client, so that no key of a client is equal.
function placeKey(batchKey: string, index: number): string {
  return `batch:${sha256Hex(batchKey)}:${String(index)}:${'-'.repeat(200)}`;
}

/** Creates each record. Errors: those of `make`, for all wrong items, with the index of the item in each path. */
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

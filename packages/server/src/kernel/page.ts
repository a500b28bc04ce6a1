import { AppError } from '@proofhouse/core';
import { sha256Hex } from './secret.ts';

/** A position in a list that is ordered newest first by (createdAt, id). */
export interface PageKey {
  readonly at: number;
  readonly id: string;
}

export interface PageRequest {
  readonly limit: number;
  /** The page begins strictly after this position. Undefined for the first page. */
  readonly after: PageKey | undefined;
}

/** One page of a list. It may have fewer items than the limit, or none. The list ends only if `next` is undefined. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: PageKey | undefined;
}

/** The filter of a list. A cursor is valid only for the filter for which it was created. */
export type ListFilter = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * Returns the cursor `base64url([version, filter hash, at, id])`. Clients must not parse it. It is not signed, so it
 * must never grant access.
 */
export function encodeCursor(filter: ListFilter, key: PageKey): string {
  return Buffer.from(JSON.stringify([1, filterHash(filter), key.at, key.id])).toString('base64url');
}

/** Returns the cursor of the next page for a response, or null at the end of the list. */
export function nextCursorOf(filter: ListFilter, next: PageKey | undefined): string | null {
  return next === undefined ? null : encodeCursor(filter, next);
}

/** Returns the position of a cursor. Throws `invalid_cursor` if the cursor is malformed or belongs to another filter. */
export function decodeCursor(filter: ListFilter, cursor: string | undefined): PageKey | undefined {
  if (cursor === undefined) return undefined;
  const parts = parseCursor(cursor);
  if (parts?.hash !== filterHash(filter)) {
    throw new AppError('invalid_cursor', 'The cursor was not made by this list with these filters; start without one.');
  }
  return { at: parts.at, id: parts.id };
}

function parseCursor(cursor: string): { hash: string; at: number; id: string } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  const [version, hash, at, id] = parsed as unknown[];
  if (parsed.length !== 4 || version !== 1 || typeof hash !== 'string' || typeof id !== 'string') return undefined;
  // A client can forge a cursor. So an id that no store can contain is refused here.
  if (typeof at !== 'number' || !Number.isSafeInteger(at) || !/^[\x21-\x7e]{1,255}$/.test(id)) return undefined;
  return { hash, at, id };
}

function filterHash(filter: ListFilter): string {
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(JSON.stringify(entries)).slice(0, 12);
}

// Fuzzes cursors. A cursor is accepted only for the list for which it was created. Any other cursor must be refused
// with `invalid_cursor`.
import assert from 'node:assert/strict';
import { eventCursorSchema, isAppError } from '@proofhouse/core';
import { decodeCursor, encodeCursor } from '../../packages/server/src/kernel/page.ts';
import { keyPrefixSchema, prefixAfter } from '../../packages/server/src/retention/key-slice.ts';
import { SliceCursor } from '../../packages/server/src/retention/slice-cursor.ts';
import { refusalOr } from '../app-error-of.ts';

const filter = { status: 'queued', type: undefined };
const slices = new SliceCursor('gc', keyPrefixSchema);

/** The first byte selects whether the rest is a cursor or the decoded content of a cursor. */
export function fuzz(data: Buffer): void {
  const isInside = (data[0] ?? 0) % 2 === 1;
  const cursor = data.subarray(1).toString(isInside ? 'base64url' : 'latin1');
  const key = refusalOr(() => decodeCursor(filter, cursor), 'invalid_cursor');
  if (key !== undefined && !isAppError(key)) {
    assert.ok(Number.isSafeInteger(key.at) && /^[\x21-\x7e]{1,255}$/.test(key.id));
    const written = encodeCursor(filter, key);
    const again = decodeCursor(filter, written) ?? { at: 0, id: '' };
    assert.equal(encodeCursor(filter, again), written, 'a place changes when it is written again');
    const elsewhere = refusalOr(() => decodeCursor({ status: 'failed' }, cursor), 'invalid_cursor');
    assert.ok(isAppError(elsewhere), 'a cursor is taken by another list');
  }
  const slice = refusalOr(() => slices.read(cursor), 'invalid_cursor');
  if (!isAppError(slice)) checkSlice(slice);
  const seq = eventCursorSchema.safeParse(data.subarray(1).toString('latin1'));
  assert.ok(!seq.success || (Number.isSafeInteger(seq.data) && seq.data >= 0), 'an event has a strange number');
}

/**
 * Checks the cursor of a slice, which is a call that collects or verifies only a part of the blobs. The cursor is a
 * prefix of blob keys. The prefix of the next slice must sort after it and must not be longer. Otherwise the slices
 * would never end.
 */
function checkSlice(prefix: string): void {
  const next = prefixAfter(prefix);
  const isLater = next === undefined || (inOrder(next) > inOrder(prefix) && next.length <= prefix.length);
  assert.ok(isLater, 'a slice comes again');
}

/** Returns a form of the prefix that sorts like blob keys, in which digits come after letters. */
function inOrder(prefix: string): string {
  return prefix.replaceAll(/\d/g, (digit) => `~${digit}`);
}

const place = encodeCursor(filter, { at: 1_700_000_000_000, id: 'job-1' });

export const words = ['[1,"', '",', '1e999', '-0', '9007199254740993', '\\u0000', '["gc","', '__proto__'];

export const seeds = [
  `0${place}`,
  `1${Buffer.from(place, 'base64url').toString()}`,
  `0${slices.write('a7')}`,
  '1["gc","zz"]',
  '0',
  '012',
];

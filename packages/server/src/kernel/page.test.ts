import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from './page.ts';

const id = fc.stringMatching(/^[\x21-\x7e]{1,60}$/);
const filter = fc.dictionary(fc.constantFrom('status', 'type', 'jobId'), fc.oneof(fc.string(), fc.constant(undefined)));

describe('a cursor', () => {
  it('gives back the place it was made for, and needs no escaping in a URL', () => {
    fc.assert(
      fc.property(filter, fc.maxSafeInteger(), id, (of, at, rowId) => {
        const cursor = encodeCursor(of, { at, id: rowId });
        expect(cursor).toMatch(/^[\w-]+$/);
        expect(decodeCursor(of, cursor)).toEqual({ at, id: rowId });
      }),
    );
  });

  it('knows the order of its filters from their names, and absent from empty', () => {
    const place = { at: 1, id: 'x' };
    expect(decodeCursor({ b: 2, a: 1, c: undefined }, encodeCursor({ a: 1, b: 2 }, place))).toEqual(place);
    expect(() => decodeCursor({ a: '' }, encodeCursor({}, place))).toThrow(/not made by this list/);
    expect(() => decodeCursor({ a: null }, encodeCursor({}, place))).toThrow(/not made by this list/);
  });

  it('that is anything else is refused as invalid_cursor, never otherwise', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc
        .tuple(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), fc.jsonValue())
        .map((parts) => Buffer.from(JSON.stringify(parts)).toString('base64url')),
    );
    fc.assert(
      fc.property(text, (cursor) => {
        expect(() => decodeCursor({}, cursor)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
      }),
      { numRuns: 1000 },
    );
  });
});

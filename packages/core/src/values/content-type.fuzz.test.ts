import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cleanContentType } from './content-type.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  // Generates texts that are so long that they are truncated. They have spaces near the position of the cut.
  fc.tuple(fc.integer({ min: 240, max: 260 }), fc.string({ maxLength: 20 })).map(([length, end]) => {
    return `${'x'.repeat(length)}   ${end}`;
  }),
);

it('what is kept of a content type is what a header carries, and stays as it is when it is cleaned again', () => {
  fc.assert(
    fc.property(text, (raw) => {
      const cleaned = cleanContentType(raw);
      if (cleaned === undefined) {
        expect(raw).not.toMatch(/[\x21-\x7e]/);
        return;
      }
      expect(cleaned).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/);
      expect(cleanContentType(cleaned)).toBe(cleaned);
    }),
    { numRuns: 500 },
  );
});

it('a cut behind a space takes the space too', () => {
  expect(cleanContentType(`${'x'.repeat(254)} y`)).toBe('x'.repeat(254));
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cleanFilename } from './clean-filename.ts';

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '/',
        '\\',
        '.',
        '..',
        '\0',
        '\n',
        ' ',
        '\u0301',
        '\u202e',
        '\ud800',
        '\u{1F600}',
        'e',
        'x'.repeat(250),
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

it('a filename that is kept is one that can be shown and saved, and stays as it is when it is cleaned again', () => {
  fc.assert(
    fc.property(text, (raw) => {
      const kept = cleanFilename(raw);
      if (kept === null) return;
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(255);
      expect(kept).not.toMatch(/[/\\]|\p{Cc}|\p{Cf}|\p{Cs}|^\.*$/u);
      expect(cleanFilename(kept)).toBe(kept);
    }),
    { numRuns: 1000 },
  );
});

it('an accent joins the letter that it stands beside once control characters are gone', () => {
  expect(cleanFilename('e\0\u0301.txt')).toBe('\u00e9.txt');
});

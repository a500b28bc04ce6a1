import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decideRange, noneMatch } from './conditional.ts';

const etag = '"abc"';

it('a range that is given lies within the bytes, and starts where it was asked to', () => {
  const bound = fc.oneof(fc.nat({ max: 200 }), fc.constant(''), fc.constant('99999999999999999999'));
  fc.assert(
    fc.property(bound, bound, fc.nat({ max: 100 }), (from, to, size) => {
      const decision = decideRange({ range: `bytes=${from}-${to}` }, size, etag);
      if (decision.kind !== 'part') return;
      expect(decision.range.start).toBeGreaterThanOrEqual(0);
      expect(decision.range.end).toBeGreaterThanOrEqual(decision.range.start);
      expect(decision.range.end).toBeLessThan(size);
      if (from !== '') expect(decision.range.start).toBe(Number(from));
    }),
    { numRuns: 2000 },
  );
});

it('any other header means everything', () => {
  fc.assert(
    fc.property(fc.string(), (range) => {
      fc.pre(!/^bytes=\d*-\d*$/i.test(range));
      expect(decideRange({ range }, 10, etag).kind).toBe('whole');
    }),
  );
});

it.each(['bytes=1 2-3', 'b ytes=1-3', 'bytes=1-3 4', 'bytes=1-3,5-6', 'bytes=3-1', 'bytes=-', 'bytes 1-3'])(
  'everything is sent for "%s", which is no range',
  (range) => {
    expect(decideRange({ range }, 10, etag).kind).toBe('whole');
  },
);

it.each([
  [undefined, false],
  [etag, true],
  [`W/${etag}`, true],
  [`"x" , ${etag}`, true],
  [' * ', true],
  ['abc', false],
  ['"ABC"', false],
])('If-None-Match %s', (header, expected) => {
  expect(noneMatch(header, etag)).toBe(expected);
});

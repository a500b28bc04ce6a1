import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SpanQueue } from './span-queue.ts';
import type { Span } from './span-queue.ts';

const noRange = { start: 0, end: 0, isLiteral: false };
const someSpan = fc
  .record({ start: fc.nat(30), length: fc.integer({ min: 1, max: 12 }), rank: fc.nat(2) })
  .map(({ start, length, rank }): Span => ({ start, end: start + length, rule: `rule-${rank}`, rank }));

function queueOf(spans: readonly Span[]): SpanQueue {
  const queue = new SpanQueue();
  for (const span of spans) queue.add(span);
  return queue;
}

function allOf(queue: SpanQueue): Span[] {
  const spans: Span[] = [];
  for (let span = queue.takeBefore(Infinity); span !== undefined; span = queue.takeBefore(Infinity)) spans.push(span);
  return spans;
}

it('a queue of spans has each span that lies in no other span, in order, whatever the order of the calls is', () => {
  fc.assert(
    fc.property(fc.array(someSpan, { maxLength: 20 }), (spans) => {
      const expected = spans
        .filter((span) =>
          spans.every((other) => {
            const isInside = other.start <= span.start && span.end <= other.end;
            const isEqual = other.start === span.start && other.end === span.end;
            return !isInside || (isEqual && span.rank <= other.rank);
          }),
        )
        .filter((span, at, rest) => rest.findIndex((other) => other.start === span.start) === at)
        .sort((left, right) => left.start - right.start);
      expect(allOf(queueOf(spans))).toEqual(expected);
      expect(allOf(queueOf(spans.toReversed()))).toEqual(expected);
    }),
    { seed: 20_261_129, numRuns: 500 },
  );
});

it('a queue of spans covers the bytes of its spans, and returns them as ranges', () => {
  fc.assert(
    fc.property(fc.array(someSpan, { maxLength: 20 }), fc.nat(20), (spans, from) => {
      const queue = queueOf(spans);
      const isMasked = (at: number) => spans.some((span) => span.start <= at && at < span.end);
      for (let at = from; at < 50; at += 1) expect(queue.covers(at)).toBe(isMasked(at));
      let at = from;
      for (let range = queue.rangeAfter(noRange, at); range !== undefined; range = queue.rangeAfter(noRange, at)) {
        for (; at < range.start; at += 1) expect(isMasked(at)).toBe(false);
        for (; at < range.end; at += 1) expect(isMasked(at)).toBe(true);
      }
      for (; at < 50; at += 1) expect(isMasked(at)).toBe(false);
    }),
    { seed: 20_261_129, numRuns: 200 },
  );
});

it('a masked range is literal if it is one placeholder that touches no other span', () => {
  const literal: Span = { start: 10, end: 22, rule: undefined, rank: 4, isLiteral: true };
  expect(queueOf([literal]).rangeAfter(noRange, 0)).toEqual({ start: 10, end: 22, isLiteral: true });
  for (const start of [5, 9, 12, 22]) {
    const other: Span = { start, end: start + 11, rule: 'x', rank: 1 };
    expect(queueOf([literal, other]).rangeAfter(noRange, 0)?.isLiteral).toBe(false);
  }
  const taken = { start: 5, end: 10, isLiteral: false };
  expect(queueOf([literal]).rangeAfter(taken, 0)).toEqual({ start: 5, end: 22, isLiteral: false });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteWindow } from '../byte-window.ts';
import { RejectedHits } from './rejected-hits.ts';

const encoder = new TextEncoder();

it('a hit is found only if its text equals the text of a remembered hit of the rule', () => {
  const unit = fc.constantFrom('a', 'b');
  const hits = fc.array(fc.record({ step: fc.integer({ min: 1, max: 6 }), rule: fc.nat(1) }), { maxLength: 30 });
  fc.assert(
    fc.property(fc.string({ unit, minLength: 1, maxLength: 4 }), fc.nat(120), hits, (part, broken, list) => {
      const text = `${part.repeat(60).slice(0, broken)}c${part.repeat(60)}`;
      const window = new ByteWindow();
      window.append(encoder.encode(text), 0);
      const rejected = new RejectedHits(window);
      const added: { rule: number; text: string }[] = [];
      let start = 0;
      for (const { step, rule } of list) {
        start += step;
        const [from, limit] = [Math.max(0, start - 3), Math.min(start + 12, text.length)];
        if (start >= text.length) break;
        const own = `${start - from}:${text.slice(from, limit)}`;
        const found = rejected.find(rule, start, from, limit);
        if (found === 0) {
          rejected.add(rule, { start, from, limit, readTo: start + 5 });
          added.push({ rule, text: own });
        } else {
          expect(found).toBe(start + 5);
          expect(added).toContainEqual({ rule, text: own });
        }
      }
    }),
    { seed: 20_261_129, numRuns: 500 },
  );
});

it('text that repeats is compared once a byte', () => {
  const window = new ByteWindow();
  window.append(encoder.encode('token="'.repeat(2000)), 0);
  const rejected = new RejectedHits(window);
  let runs = 0;
  for (let start = 0; start + 500 < window.end; start += 7) {
    for (const rule of [0, 1]) {
      const [from, limit] = [Math.max(0, start - 40), start + 500];
      if (rejected.find(rule, start, from, limit) !== 0) continue;
      rejected.add(rule, { start, from, limit, readTo: start + 9 });
      runs += 1;
    }
  }
  expect(runs).toBeLessThan(20);
  expect(rejected.steps / window.end).toBeLessThan(1.5);
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { buildKeywordAutomaton, containsKeyword } from './keyword-automaton.ts';
import type { KeywordAutomaton } from './keyword-automaton.ts';

it('the automaton finds every keyword at every place, without case', () => {
  const keyword = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 5 });
  const text = fc.string({ unit: fc.constantFrom('a', 'B', 'b', 'A', '-', '['), maxLength: 60 });
  fc.assert(
    fc.property(fc.uniqueArray(keyword, { minLength: 1, maxLength: 8 }), text, (keywords, input) => {
      const expected = keywords.flatMap((each, index) =>
        endsOf(each, input.toLowerCase()).map((end) => `${end} ${index}`),
      );
      expect(hitsOf(buildKeywordAutomaton(keywords), input).sort()).toEqual(expected.sort());
    }),
    { seed: 20_261_129, numRuns: 500 },
  );
});

it('a text contains a keyword exactly if its bytes do, also beside characters outside of ASCII', () => {
  const keyword = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 4 });
  const text = fc.string({ unit: fc.constantFrom('a', 'B', '-', 'é', '\u0161', '\ud800', '🎉'), maxLength: 20 });
  fc.assert(
    fc.property(fc.uniqueArray(keyword, { minLength: 1, maxLength: 4 }), text, (keywords, input) => {
      const automaton = buildKeywordAutomaton(keywords);
      const bytes = String.fromCharCode(...new TextEncoder().encode(input));
      expect(containsKeyword(automaton, input)).toBe(hitsOf(automaton, bytes).length > 0);
    }),
    { seed: 20_261_129, numRuns: 500 },
  );
});

it('keywords outside of ASCII and too many keywords are refused', () => {
  expect(() => buildKeywordAutomaton(['clé'])).toThrow(RangeError);
  const many = Array.from({ length: 9000 }, (_, index) => `keyword${index}`);
  expect(() => buildKeywordAutomaton(many)).toThrow(/states/);
});

function endsOf(keyword: string, text: string): number[] {
  const ends: number[] = [];
  for (let at = text.indexOf(keyword); at !== -1; at = text.indexOf(keyword, at + 1)) ends.push(at + keyword.length);
  return ends;
}

function hitsOf(automaton: KeywordAutomaton, text: string): string[] {
  const hits: string[] = [];
  let state = 0;
  for (let at = 0; at < text.length; at += 1) {
    state = automaton.table[(state << automaton.shift) | automaton.classes[text.charCodeAt(at)]!]!;
    if (state < automaton.firstHit) continue;
    for (const keyword of automaton.hits[state - automaton.firstHit]!) hits.push(`${at + 1} ${keyword}`);
  }
  return hits;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { makeExample } from '../make-example.ts';
import { compileSecrets } from '../secret-set.ts';
import { chunksOf, masked, maskedInChunks } from '../testing/masked-in-chunks.ts';

const encoder = new TextEncoder();

describe('an index of known values', () => {
  it('finds exactly the occurrences that a plain search finds', () => {
    const unit = fc.constantFrom('a', 'b', 'c');
    const value = fc.string({ unit, minLength: 6, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 12 }),
        fc.string({ unit, maxLength: 300 }),
        fc.nat(9),
        (values, text, size) => {
          const set = compileSecrets({ values: values.map((each) => ({ name: 'V', value: each })) });
          expect(masked(set, text, size + 1)).toBe(maskedPlainly(values, text));
        },
      ),
      { seed: 20_261_129, numRuns: 400 },
    );
  });

  it('finds each of 10,000 values, in a bounded number of steps', () => {
    const values = Array.from({ length: 10_000 }, (_, index) => makeExample('base64', 12 + (index % 40), index + 1));
    const set = compileSecrets({ values: values.map((value, index) => ({ name: `V${index}`, value })) });
    const text = encoder.encode(values.map((value) => `an ordinary word, then ${value}\n`).join(''));
    let steps = 0;
    const { output, receipt } = maskedInChunks(set, text, [1000], (stream) => (steps = stream.steps));
    expect(output).toBe(`an ordinary word, then ${maskPlaceholder}\n`.repeat(10_000));
    expect(receipt.masked).toHaveLength(10_000);
    expect(steps / text.length).toBeLessThan(6);
  });

  it('tells 3,000 values apart that have a long prefix and a long suffix in common', () => {
    const values = Array.from(
      { length: 3000 },
      (_, index) => `https://a.common.host.test/path?id=${index}&the=suffix&of=all`,
    );
    const set = compileSecrets({ values: values.map((value) => ({ name: 'V', value })) });
    const text = encoder.encode(values.map((value) => `${value} `).join(''));
    let steps = 0;
    const { output } = maskedInChunks(set, text, chunksOf(999), (stream) => (steps = stream.steps));
    expect(output === `${maskPlaceholder} `.repeat(3000)).toBe(true);
    expect(steps / text.length).toBeLessThan(64);
    expect(maskedInChunks(set, text.subarray(0, 2000), chunksOf(1)).output.slice(0, 400)).toBe(output.slice(0, 400));
  });

  it.each(['postgres://app:', 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.', 'x'.repeat(300)])(
    'takes bounded work on text with the prefix that 2,000 values have in common: %j',
    (prefix) => {
      const values = Array.from({ length: 2000 }, (_, index) => prefix + makeExample('base62', 5, index + 1));
      const set = compileSecrets({ values: values.map((value) => ({ name: 'V', value })) });
      const text = encoder.encode(Array.from({ length: 200 }, (_, index) => `${prefix}${index} `).join(''));
      let steps = 0;
      maskedInChunks(set, text, chunksOf(500), (stream) => (steps = stream.steps));
      expect(steps / text.length).toBeLessThan(64);
      expect(masked(set, `<${values[77]!}>`)).toBe(`<${maskPlaceholder}>`);
    },
  );

  it.each([1, 500, Infinity])(
    'compares each byte of repeated text a bounded number of times, in chunks of %d',
    (size) => {
      const values = ['a'.repeat(1000) + 'b', 'ab'.repeat(600) + 'c', 'a'.repeat(800)];
      const texts = ['a'.repeat(10_000), `${'ab'.repeat(5000)}c`, 'a'.repeat(1500) + 'b'];
      for (const value of values) {
        const set = compileSecrets({ values: [{ name: 'V', value }] });
        for (const text of texts) {
          let steps = 0;
          const input = encoder.encode(text);
          const { output } = maskedInChunks(set, input, chunksOf(size), (stream) => (steps = stream.steps));
          expect(output === maskedPlainly([value], text)).toBe(true);
          expect(steps / input.length).toBeLessThan(32);
        }
      }
    },
  );

  it('holds back no more than the start of a value', () => {
    const set = compileSecrets({ values: [{ name: 'V', value: 'a long value with many words' }] });
    expect(maskedInChunks(set, encoder.encode(`${'x '.repeat(5000)}a long value wi`), [10_001]).held).toBeLessThan(16);
  });
});

function maskedPlainly(values: readonly string[], text: string): string {
  const isMasked = Array.from(text, () => false);
  for (const value of values) {
    for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
      isMasked.fill(true, at, at + value.length);
    }
  }
  return Array.from(text, (character, at) => {
    if (isMasked[at] !== true) return character;
    return at > 0 && isMasked[at - 1] === true ? '' : maskPlaceholder;
  }).join('');
}

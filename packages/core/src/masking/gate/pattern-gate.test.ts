import { describe, expect, it } from 'vitest';
import { secretRules } from '../secret-rules.ts';
import { PatternGate } from './pattern-gate.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/** Returns the number of bytes after which the gate rejects the text. Returns 0 if it does not reject the text. */
function read(pattern: RegExp, text: string): number | undefined {
  const bytes = encoder.encode(text);
  return PatternGate.of(pattern)?.bytesToReject(bytes, 0, bytes.length);
}

describe('a gate', () => {
  it.each([
    ['a letter', /ab/y, 'axb', 2],
    ['a letter in the other case', /AB/iy, 'abc', 0],
    ['a choice', /a(?:bc|d)/y, 'abx', 3],
    ['a class', /a[^\d]/y, 'a7', 2],
    ['too few repetitions', /a[0-9]{3,90}/y, 'a12x', 4],
    ['enough repetitions', /a[0-9]{3,90}/y, 'a123', 0],
    ['an optional part', /ab?c/y, 'acx', 0],
    ['more repetitions than a small limit', /ab{1,2}c/y, 'abbbc', 4],
    ['the end of the text', /abc/y, 'ab', 3],
    ['a character that must not follow', /ab(?!c)/y, 'abc', 3],
    ['the end where a character must not follow', /ab(?!c)/y, 'ab', 0],
    ['a character that must follow', /ab(?=c|d)/y, 'abx', 3],
    ['a reference to a group', /(?<quote>["'])a\k<quote>/y, '"ax', 3],
    ['an escape sequence', /\x61\./y, 'ab', 2],
  ])('reads %s', (_name, pattern, text, bytes) => {
    expect(read(pattern, text)).toBe(bytes);
  });

  it.each([
    ['lookbehinds', /(?<=x)a/y, 'a'],
    ['lookaheads for several characters', /a(?!bc)b/y, 'abc'],
    ['most upper limits', /a{1,9}b/y, 'aaaaaaaaaaaaaaab'],
  ])('lets a text pass that fails only by %s', (_name, pattern, text) => {
    expect(read(pattern, text)).toBe(0);
  });

  it.each([/a/su, /(a)\1/y, /a/v])('is not made for %s', (pattern) => {
    expect(PatternGate.of(pattern)).toBeUndefined();
  });

  it('lets every text pass when it would need too many states', () => {
    const gate = PatternGate.of(/[ab]{0,99}a[ab]{14}c/y);
    let state = 1;
    const bytes = Uint8Array.from({ length: 10_000 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 31 === 0 ? 0x61 : 0x62;
    });
    const reads = Array.from(bytes, (_, at) => gate?.bytesToReject(bytes, at, Math.min(at + 40, bytes.length)));
    expect(reads.slice(-1000)).toContain(0);
  });
});

describe('the gates of the rules', () => {
  const texts = secretRules.flatMap(({ examples }) => [
    ...examples.matches.map((example) => example.text),
    ...examples.ignores,
  ]);

  it('exist for every rule', () => {
    expect(secretRules.filter((rule) => PatternGate.of(rule.pattern) === undefined)).toEqual([]);
  });

  it('let every text pass that the pattern matches, and few others', () => {
    let passed = 0;
    let matched = 0;
    for (const { id, pattern, examples } of secretRules) {
      const gate = PatternGate.of(pattern);
      for (const text of [...examples.matches.map((example) => example.text), ...examples.ignores]) {
        const bytes = encoder.encode(text);
        const decoded = decoder.decode(bytes);
        for (let at = 0; at < bytes.length; at += 1) {
          pattern.lastIndex = at;
          const isMatch = pattern.test(decoded);
          const isRejected = gate?.bytesToReject(bytes, at, bytes.length) !== 0;
          expect(isMatch && isRejected, `${id}: ${text}`).toBe(false);
          passed += isRejected ? 0 : 1;
          matched += isMatch ? 1 : 0;
        }
      }
    }
    expect(matched).toBeGreaterThan(500);
    expect(passed / matched).toBeLessThan(1.05);
  });

  it('reject a text whatever follows the bytes that they have read', () => {
    for (const { id, pattern, keywords } of secretRules) {
      const gate = PatternGate.of(pattern);
      for (const [index, text] of texts.entries()) {
        if (index % 8 !== id.length % 8) continue;
        const bytes = encoder.encode((keywords[0] ?? '') + text);
        const rejected = gate?.bytesToReject(bytes, 0, bytes.length) ?? 0;
        if (rejected === 0 || rejected > bytes.length) continue;
        const prefix = decoder.decode(bytes.subarray(0, rejected));
        pattern.lastIndex = 0;
        expect(pattern.test(prefix + (texts[(index * 7) % texts.length] ?? '')), `${id}: ${prefix}`).toBe(false);
      }
    }
  });
});

// Proves that every pattern of the secret rules takes linear time, with the automaton method of `recheck`.
import { describe, expect, it } from 'vitest';
import recheck from 'recheck/lib/browser.js';
import { secretRules } from '@proofhouse/core';

/** The flag `d` does not change what a pattern matches, and recheck does not know it. */
function statusOf(pattern: RegExp): string {
  const flags = pattern.flags.replace('d', '');
  return recheck.checkSync(pattern.source, flags, { checker: 'automaton', timeout: 10_000 }).status;
}

const patterns = secretRules.flatMap(({ id, pattern, block }) => [
  { id, pattern },
  ...(block === undefined ? [] : [block.piece, block.end].map((part) => ({ id: `${id} (block)`, pattern: part }))),
]);

describe('the patterns of the secret rules', () => {
  it('are linear', { timeout: 60_000 }, () => {
    expect(patterns.length).toBeGreaterThan(secretRules.length);
    const doubtful = patterns.map(({ id, pattern }) => `${id}: ${statusOf(pattern)}`);
    expect(doubtful.filter((line) => !line.endsWith(': safe'))).toEqual([]);
  });

  it('have bounded quantifiers only', () => {
    const unbounded = patterns.filter(({ pattern }) => {
      const withoutClasses = pattern.source.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/g, 'x');
      return /[*+]|\{\d+,\}/.test(withoutClasses);
    });
    expect(unbounded).toEqual([]);
  });

  it('would be refused if one took exponential or quadratic time', () => {
    expect(statusOf(/(?:a|a)*b/y)).toBe('vulnerable');
    expect(statusOf(/x\w*\w*=/y)).toBe('vulnerable');
  });
});

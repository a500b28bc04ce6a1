import { describe, expect, it } from 'vitest';
import { secretRules } from './secret-rules.ts';
import { findSecrets } from './testing/find-secrets.ts';

describe('the rules', () => {
  it('have unique ids in kebab-case', () => {
    const ids = secretRules.map((rule) => rule.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id))).toEqual([]);
  });

  it.each(secretRules.map((rule) => [rule.id, rule] as const))('%s finds its examples', (_id, rule) => {
    expect(rule.examples.matches.length).toBeGreaterThan(0);
    for (const { text, secret } of rule.examples.matches) {
      const start = text.indexOf(secret);
      const covered = findSecrets([rule], text).some(
        (found) => found.start <= start && found.end >= start + secret.length,
      );
      expect(covered, text).toBe(true);
    }
  });

  it.each(secretRules.map((rule) => [rule.id, rule] as const))('%s ignores what is no secret', (_id, rule) => {
    expect(rule.examples.ignores.length).toBeGreaterThan(0);
    for (const text of rule.examples.ignores) expect(findSecrets([rule], text), text).toEqual([]);
  });

  it.each(secretRules.map((rule) => [rule.id, rule] as const))(
    '%s has keywords and bounds that the scanner needs',
    (_id, rule) => {
      expect(
        rule.keywords.filter(
          (keyword) => keyword.length < 3 || keyword !== keyword.toLowerCase() || !/^[\x20-\x7e\t]+$/.test(keyword),
        ),
      ).toEqual([]);
      expect(rule.maxLength).toBeLessThanOrEqual(65_536);
      expect([rule.pattern.sticky, rule.pattern.hasIndices]).toEqual([true, true]);
      expect(rule.pattern.source).not.toMatch(/[^\\](?:[*+]|\{\d+,\})(?![^[]*\])/);
    },
  );
});

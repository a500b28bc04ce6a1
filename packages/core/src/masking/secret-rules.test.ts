import { describe, expect, it } from 'vitest';
import { maskPlaceholder } from './mask-placeholder.ts';
import { maskText } from './mask-text.ts';
import { acceptsSecret } from './secret-rule.ts';
import { secretRules } from './secret-rules.ts';
import { compileSecrets } from './secret-set.ts';

const rows = secretRules.map((rule) => [rule.id, rule] as const);
const all = compileSecrets({ rules: secretRules });

describe('the rules', () => {
  it('have unique ids in kebab-case', () => {
    const ids = secretRules.map((rule) => rule.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id))).toEqual([]);
  });

  it.each(rows)('%s masks its examples', (_id, rule) => {
    const set = compileSecrets({ rules: [rule] });
    expect(rule.examples.matches.length).toBeGreaterThan(0);
    for (const { text, secret } of rule.examples.matches) {
      const masked = maskText(set, text);
      for (const line of secret.split('\n')) expect(masked.text, text).not.toContain(line);
      expect(masked.receipt.masked.map((entry) => entry.rule)).toEqual([rule.id]);
      expect(maskText(set, masked.text)).toEqual({ text: masked.text, receipt: { masked: [] } });
    }
  });

  it.each(rows)('%s ignores what is no secret', (_id, rule) => {
    const set = compileSecrets({ rules: [rule] });
    expect(rule.examples.ignores.length).toBeGreaterThan(0);
    for (const text of rule.examples.ignores) expect(maskText(set, text).text).toBe(text);
  });

  it('mask every example together as well, and masking twice changes nothing', () => {
    for (const { text, secret } of secretRules.flatMap((rule) => rule.examples.matches)) {
      const masked = maskText(all, text).text;
      for (const line of secret.split('\n')) expect(masked, text).not.toContain(line);
      expect(maskText(all, masked).text).toBe(masked);
    }
  });

  it.each(rows)('%s has keywords and bounds that the scanner needs', (_id, rule) => {
    const unusable = (keyword: string): boolean => !/^[\t\r\n\x20-\x40\x5b-\x7e]{3,}$/.test(keyword);
    expect(rule.keywords.filter(unusable)).toEqual([]);
    expect(rule.maxLength).toBeLessThanOrEqual(65_536);
    expect([rule.pattern.sticky, rule.pattern.hasIndices]).toEqual([true, true]);
  });

  it.each(rows)('%s confirms at least one of its examples', (_id, rule) => {
    const { confirms } = rule;
    expect(confirms === undefined || rule.examples.matches.some(({ secret }) => confirms(secret))).toBe(true);
  });
});

describe('a secret that was cut by another mask', () => {
  const rule = secretRules.find(({ id }) => id === 'unquoted-assignment')!;

  it('is masked whole if it begins with the placeholder', () => {
    expect(acceptsSecret(rule, `${maskPlaceholder}tail`, {})).toBe(true);
    expect(maskText(all, `token=${maskPlaceholder}a8f7c6d5`).text).toBe(`token=${maskPlaceholder}`);
  });

  it('is left if nothing but the placeholder is there', () => {
    expect(acceptsSecret(rule, maskPlaceholder, {})).toBe(false);
    expect(maskText(all, `token=${maskPlaceholder}`).text).toBe(`token=${maskPlaceholder}`);
  });
});

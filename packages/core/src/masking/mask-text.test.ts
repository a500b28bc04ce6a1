import { expect, it } from 'vitest';
import { maskPlaceholder } from './mask-placeholder.ts';
import { maskText } from './mask-text.ts';
import { compileSecrets } from './secret-set.ts';

const set = compileSecrets({ values: [{ name: 'V', value: 'sécret-välue' }] });

it('masks a text and tells what was masked', () => {
  expect(maskText(set, '\uFEFFis sécret-välue ok')).toEqual({
    text: `\uFEFFis ${maskPlaceholder} ok`,
    receipt: { masked: [{ rule: 'known:V', count: 1 }] },
  });
});

it('returns a text without secrets as it is, with lone surrogates', () => {
  expect(maskText(set, 'lone \uD800 surrogate')).toEqual({ text: 'lone \uD800 surrogate', receipt: { masked: [] } });
});

it('keeps lone surrogates and all other characters around a secret', () => {
  const secret = 'sécret-välue';
  const others = [
    '\uD800',
    '\uDBFF',
    '\uDC00',
    '\uDFFF',
    '\uD800\uDC00',
    '\uD7FF',
    '\uE000',
    '\uFFFD',
    '\u{10FFFF}',
    'é',
    'í',
    'a',
  ];
  for (const before of others) {
    for (const after of others) {
      const text = `${after}${before}${secret}${after}${before}`;
      const masked = text.replace(secret, maskPlaceholder);
      expect(maskText(set, text).text).toBe(masked);
      expect(maskText(set, masked).text).toBe(masked);
    }
  }
});

it('masks a value that has a lone surrogate', () => {
  const known = compileSecrets({ values: [{ name: 'V', value: 'se\uD800cret-value' }] });
  expect(maskText(known, '\uDC00 se\uD800cret-value').text).toBe(`\uDC00 ${maskPlaceholder}`);
});

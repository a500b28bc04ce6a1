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

it('masks a text with lone surrogates, which become U+FFFD', () => {
  expect(maskText(set, '\uDC00 sécret-välue \uD800').text).toBe(`\uFFFD ${maskPlaceholder} \uFFFD`);
});

import { describe, expect, it } from 'vitest';
import { makeExample } from './make-example.ts';
import { isLookAlike, isWordy, looksChosen, looksRandom } from './random-text.ts';

describe('a look-alike of a secret', () => {
  it.each([
    '550e8400-e29b-41d4-a716-446655440000',
    'sha256:' + makeExample('hex', 64),
    'sha512-' + makeExample('base64', 86) + '==',
    '2026-01-15T10:00:00Z',
    'v1.22.333-beta.4',
    '128000',
    '10.5MB',
    '/run/secrets/a1b2c3',
    './dist/index-a8f7c6.js',
    'packages/core/src/index2.ts:14:3',
    'https://host/a1/b2',
    'someone1@mail.example',
    'arn:aws:iam::123456789012:role/x',
    '#a1b2c3',
    'data:image/png;base64,iVBORw0KGgo',
    'config.token2.value',
    'readToken2(file)',
  ])('%s', (text) => {
    expect(isLookAlike(text)).toBe(true);
    expect(looksRandom(text)).toBe(false);
    expect(looksChosen(text)).toBe(false);
  });

  it.each(['hex', 'lower', 'upper', 'base62', 'base64', 'base64url'] as const)('is not random %s', (alphabet) => {
    const texts = Array.from({ length: 200 }, (_, seed) => makeExample(alphabet, 32, seed));
    expect(texts.filter((text) => isLookAlike(text) || !looksRandom(text))).toEqual([]);
  });
});

describe('words', () => {
  it.each(['monkey', 'keyboard', 'tokenCount', 'some-worker-token-01', 'sha256Hex', 'step-2', 'utf8'])(
    'do not look random: %s',
    (text) => {
      expect(looksRandom(text)).toBe(false);
    },
  );

  it('with a number of five digits do', () => {
    expect(looksRandom('secret-token-12345')).toBe(true);
  });

  it('have one case or a capital', () => {
    expect(isWordy('Some-worker-TOKEN-1')).toBe(true);
    expect(isWordy('sOmE-wOrKeR')).toBe(false);
    expect(isWordy('word')).toBe(false);
  });

  it('with digits or signs may be passwords', () => {
    expect(['hunter2', 'Tr0ub4dor&3', 'letmein!'].filter((text) => !looksChosen(text))).toEqual([]);
    expect(['letmein', 'abc1', 'my-password-1'].filter((text) => looksChosen(text))).toEqual([]);
  });
});

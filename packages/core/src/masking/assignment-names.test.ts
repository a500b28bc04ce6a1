import { describe, expect, it } from 'vitest';
import { namesSecretNumber, tailNamesSecret } from './assignment-names.ts';

describe('the rest of a name after the word for a secret', () => {
  it.each([
    ['password', ''],
    ['password', '_prod'],
    ['token', 's'],
    ['secret', 'AccessKey'],
    ['secret', 'key'],
    ['SECRET', 'S'],
    ['PASSWORD', '_2'],
    ['token', '.github'],
  ])('keeps the meaning: %s%s', (word, tail) => {
    expect(tailNamesSecret(word, tail)).toBe(true);
  });

  it.each([
    ['token', 'Count'],
    ['token', 'izer'],
    ['TOKEN', 'IZERS_PARALLELISM'],
    ['SECRET', '_POLICY'],
    ['password', 'Hash'],
    ['password', '_file'],
    ['secret', 'ary'],
    ['pass', 'ed'],
    ['token', '_expires_at'],
  ])('changes the meaning: %s%s', (word, tail) => {
    expect(tailNamesSecret(word, tail)).toBe(false);
  });
});

it.each(['password', 'db_password', 'apiKey', 'secret', 'userPassword2'])(
  '%s names a number that is a secret',
  (name) => {
    expect(namesSecretNumber(name)).toBe(true);
  },
);

it.each(['tokens', 'max_tokens', 'totalTokens', 'tokenCount', 'passed', 'passwordLength', 'secret_ttl', 'duration'])(
  '%s names a number that is no secret',
  (name) => {
    expect(namesSecretNumber(name)).toBe(false);
  },
);

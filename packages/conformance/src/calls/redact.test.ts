import { expect, test } from 'vitest';
import { redact } from './redact.ts';

const secrets = new Set(['abcdefgh12345678']);

test.each([
  ['nothing to hide', 'nothing to hide'],
  ['Bearer admin:abcdefgh12345678, abcdefgh12345678', 'Bearer admin:[secret], [secret]'],
  ['cut within abcdefgh12', 'cut within [secret]'],
  ['{"registration_token":"of-somebody-else","name":"x"}', '{"registration_token":"[secret]","name":"x"}'],
  ['{"token": "of-some', '{"token": "[secret]'],
  ['"{\\"registration_token\\":\\"of-somebody\\"}"', '"{\\"registration_token\\":\\"[secret]\\"}"'],
])('%j becomes %j', (text, expected) => {
  expect(redact(text, secrets)).toBe(expected);
});

import { describe, expect, it } from 'vitest';
import { maskPlaceholder } from './mask-placeholder.ts';
import { isPlaceholder } from './placeholder-words.ts';

describe('a placeholder', () => {
  it.each([
    maskPlaceholder,
    '<your-token>',
    '<TOKEN>',
    '[redacted]',
    '${VAR}',
    '${VAR:-default}',
    '$VAR',
    '$1',
    '$password',
    '$config->password',
    '$(cat secret.txt)',
    '${{ secrets.TOKEN }}',
    '{{ x }}',
    '{{ .Values.token }}',
    '{token}',
    '#{password}',
    '%TOKEN%',
    '%(password)s',
    '%s',
    '@TOKEN@',
    ':password',
    '__TOKEN__',
    'xxxx',
    'XXXXXXXX-XXXX',
    '********',
    '........',
    'aaaaaaaaaaaa',
    'changeme',
    'change-me',
    'your-api-key-here',
    'YOUR_SECRET_KEY',
    'my-secret-token',
    'example-password',
    'Password1',
    'test123',
    'none',
    'undefined',
    'phw_...',
    'phw_\xe2\x80\xa6',
    'wJalrXUtnFEMIK7MDENGbPxRfiCY' + 'EXAMPLEKEY',
    '${id}:${token}',
    '&lt;the token&gt;',
  ])('%s', (text) => {
    expect(isPlaceholder(text)).toBe(true);
  });

  it.each([
    'hunter2',
    'secret-token-12345',
    '$ecr3tPassw0rd',
    'Tr0ub4dor&3',
    'a8f7d6c5b4a39281',
    '<3myd0g-2026',
    'correct horse battery staple',
    'x-9f8e7d6c5b4a',
    `${maskPlaceholder}tail`,
    '%41b2c3d4e5f6',
    '@dminPass99',
  ])('is not: %s', (text) => {
    expect(isPlaceholder(text)).toBe(false);
  });
});

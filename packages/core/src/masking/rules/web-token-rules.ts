import { makeExample } from '../make-example.ts';
import type { SecretRule } from '../secret-rule.ts';
import { wordStart } from '../token-rule.ts';

const header = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9';
const payload = 'eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6' + makeExample('base64url', 20);
const webToken = [header, payload, makeExample('base64url', 43)].join('.');
const encrypted = [
  'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6' + makeExample('base62', 12),
  makeExample('base64url', 64),
  makeExample('base64url', 16),
  makeExample('base64url', 40),
  makeExample('base64url', 22),
].join('.');

/** Rules for tokens of the JOSE standards, such as JWT. */
export const webTokenRules: readonly SecretRule[] = [
  {
    id: 'json-web-token',
    class: 'structured',
    keywords: ['eyj'],
    start: 'word',
    pattern: new RegExp(
      String.raw`(?:${wordStart})eyJ[A-Za-z0-9_-]{8,1024}\.(?:eyJ|ey[A-Z])[A-Za-z0-9_-]{8,12288}\.[A-Za-z0-9_-]{16,1024}={0,2}`,
      'dy',
    ),
    maxLength: 14_400,
    minEntropy: 3.5,
    examples: {
      matches: [
        { text: `token ${webToken}`, secret: webToken },
        { text: String.raw`{\"id\":\"\n${webToken}\"}`, secret: webToken },
      ],
      ignores: [`${header}.${payload}`, 'eyJ.eyJ.abc', `x${webToken}`],
    },
  },
  {
    id: 'json-web-encryption',
    class: 'structured',
    keywords: ['eyj'],
    start: 'word',
    pattern: new RegExp(
      String.raw`(?:${wordStart})eyJ[A-Za-z0-9_-]{8,1024}\.[A-Za-z0-9_-]{0,1024}\.[A-Za-z0-9_-]{12,24}\.[A-Za-z0-9_-]{8,12288}\.[A-Za-z0-9_-]{20,48}`,
      'dy',
    ),
    maxLength: 14_400,
    minEntropy: 3.5,
    examples: { matches: [{ text: `id=${encrypted};`, secret: encrypted }], ignores: ['eyJabcdefghijk.a.b.c.d'] },
  },
];

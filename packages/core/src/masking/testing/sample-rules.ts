import type { SecretRule } from '../secret-rule.ts';

const none = { matches: [], ignores: [] };

/** Small rules of every kind, so that tests of the scanner do not depend on the real rules. */
export const sampleRules: readonly SecretRule[] = [
  {
    id: 'sample-token',
    class: 'structured',
    keywords: ['tok_'],
    pattern: /(?<![a-z])tok_[A-Za-z0-9]{20,40}(?![A-Za-z0-9])/dy,
    maxLength: 45,
    confirms: (secret) => secret.endsWith('0'),
    examples: none,
  },
  {
    id: 'sample-header',
    class: 'context',
    keywords: ['x-key:'],
    pattern: /x-key: ?(?<secret>[!-~]{6,60})/diy,
    maxLength: 70,
    examples: none,
  },
  {
    id: 'sample-assignment',
    class: 'generic',
    keywords: ['password', 'passphrase'],
    needs: 'assignment',
    pattern: /pass(?:word|phrase)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?<secret>[^\s"',;]{6,80})/diy,
    maxLength: 112,
    minEntropy: 2.5,
    examples: none,
  },
  {
    id: 'sample-pair',
    class: 'structured',
    keywords: ['pair<'],
    pattern: /pair<(?<secret>[a-z0-9]{6,12})\/(?<secret2>[a-z0-9]{6,12})>/dy,
    maxLength: 31,
    examples: none,
  },
  {
    id: 'sample-scalar',
    class: 'context',
    keywords: ['password: |'],
    pattern: /password: \|\n(?<secret>(?:[+\- ]? {4}[^\n]{1,80}\n){1,8})/dy,
    maxLength: 800,
    examples: none,
  },
  {
    id: 'sample-key',
    class: 'structured',
    keywords: ['-----begin '],
    pattern: /-----BEGIN (?:[A-Z]{1,16} ){0,2}PRIVATE KEY-----/dy,
    maxLength: 65_536,
    block: {
      piece: /(?:\r?\n[+\- ]?[ \t]{0,16}|\\n)[A-Za-z0-9+/=]{1,80}/y,
      end: /(?:\r?\n[+\- ]?[ \t]{0,16}|\\n)-----END (?:[A-Z]{1,16} ){0,2}PRIVATE KEY-----/y,
    },
    examples: none,
  },
];

import { makeExample } from '../make-example.ts';
import type { SecretRule } from '../secret-rule.ts';

const lines = [1, 2, 3].map((seed) => makeExample('base64', 64, seed));
const pem = ['-----BEGIN RSA PRIVATE ' + 'KEY-----', ...lines, '-----END RSA PRIVATE ' + 'KEY-----'];

/** Private keys as text. */
export const privateKeyRules: readonly SecretRule[] = [
  {
    id: 'private-key',
    class: 'structured',
    keywords: ['-----begin '],
    pattern: /-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----/dy,
    maxLength: 65_536,
    block: {
      piece: /(?:[\s"'+,|>#*;-]|\\{1,4}[nrt"]|\/\/){1,48}[A-Za-z0-9+/=]{1,80}/y,
      end: /(?:[\s"'+,|>#*;]|\\{1,4}[nrt"]|\/\/|- ){0,48}-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----/y,
    },
    examples: {
      matches: [
        { text: pem.join('\n'), secret: pem.join('\n') },
        { text: `{"key": "${pem.join('\\n')}\\n"}`, secret: pem.join('\\n') },
      ],
      ignores: ['-----BEGIN ' + 'CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
    },
  },
];

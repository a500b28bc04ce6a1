import { makeExample } from '../make-example.ts';
import type { SecretRule } from '../secret-rule.ts';

const github = 'ghp_' + makeExample('base62', 36);

/** Tokens of code hosts. */
export const codeHostRules: readonly SecretRule[] = [
  {
    id: 'github-token',
    class: 'structured',
    keywords: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'],
    pattern: /gh[pousr]_[A-Za-z0-9]{36,251}/dy,
    maxLength: 256,
    minEntropy: 3,
    examples: {
      matches: [{ text: `git clone https://${github}@github.com/a/b`, secret: github }],
      ignores: ['ghp_' + 'x'.repeat(36), 'ghp_short'],
    },
  },
];

import { githubChecksum, hasGithubChecksum } from '../github-checksum.ts';
import { makeExample } from '../make-example.ts';
import type { SecretRule } from '../secret-rule.ts';
import { base62, base64, base64url, hex, lower, tokenRule, upper, upperHex } from '../token-rule.ts';

/**
 * The random part of a token with a valid checksum. The policy `reject` refuses a token only if its checksum is valid.
 */
const random = makeExample('base62', 30, 7);
const checked = 'ghp_' + random + githubChecksum(random);
const unchecked = 'gho_' + makeExample('base62', 36);
const installation = `ghs_${makeExample('digits', 7)}_${makeExample('base64url', 120)}.${makeExample('base64url', 43)}`;

/** Rules for tokens of code hosts and of their build services. */
export const codeHostRules: readonly SecretRule[] = [
  tokenRule('github-token', [['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], base62(36, 251)], {
    isWord: false,
    confirms: (secret) => secret.length !== 40 || hasGithubChecksum(secret),
    examples: {
      matches: [
        { text: `git clone https://${checked}@github.com/a/b`, secret: checked },
        { text: `GH_TOKEN: ${unchecked}`, secret: unchecked },
        ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix, seed) => {
          const secret = prefix + makeExample('base62', 36, seed + 50);
          return { text: `"${secret}"`, secret };
        }),
      ],
      ignores: [
        'ghp_' + 'x'.repeat(36),
        'ghp_' + 'EXAMPLE'.repeat(6),
        'ghp_short',
        'high_resolution_photograph_of_a_mountain_lake_x',
      ],
    },
  }),
  tokenRule('github-installation-token', ['ghs_', base62(1, 20), '_', base64url(40, 1500), '.', base64url(20, 700)], {
    isWord: false,
    examples: { matches: [{ text: `x-access-token:${installation}@`, secret: installation }], ignores: ['ghs_1_x.y'] },
  }),
  tokenRule('github-fine-grained-token', ['github_pat_', base62(22), '_', base62(59, 251)]),
  tokenRule('gitlab-token', [
    [
      'glpat-',
      'gldt-',
      'glrt-',
      'glrtr-',
      'glcbt-',
      'glptt-',
      'glft-',
      'glimt-',
      'glagent-',
      'gloas-',
      'glsoat-',
      'glffct-',
      'glwt-',
    ],
    base64url(20, 300),
  ]),
  tokenRule('gitlab-routable-token', [
    ['glpat-', 'glrt-', 'glrtr-', 'gldt-', 'glcbt-', 'glptt-'],
    base64url(20, 300),
    '.',
    lower(2),
    '.',
    lower(7, 9),
  ]),
  tokenRule('gitlab-runner-registration-token', ['GR1348941', base64url(20, 64)]),
  tokenRule('bitbucket-app-password', ['ATBB', base62(28, 64)]),
  tokenRule('atlassian-token', [['ATATT3', 'ATCTT3', 'ATSTT3'], base64url(60, 300)]),
  tokenRule('atlassian-token-with-checksum', [['ATATT3', 'ATCTT3', 'ATSTT3'], base64url(60, 300), '=', upperHex(8)]),
  tokenRule('sourcegraph-token', [['sgp_', 'slk_'], hex(40, 64)]),
  tokenRule('sourcegraph-instance-token', ['sgp_', base62(5, 24), '_', hex(40)]),
  tokenRule('circleci-token', [['CCIPAT_', 'CCIPRJ_'], base62(20, 32), '_', hex(40)]),
  tokenRule('buildkite-token', [['bkua_', 'bkct_', 'bkpt_', 'bkaj_'], base62(20, 80)]),
  tokenRule('sonar-token', [['sqp_', 'squ_', 'sqa_'], hex(40)]),
  tokenRule('snyk-token', ['snyk_', ['uat', 'sat'], '.', hex(8), '.', base64url(20, 200)]),
  tokenRule('codeium-key', ['sk-ws-01-', base64url(40, 200)]),
  tokenRule('harness-token', [['pat.', 'sat.'], base64url(22), '.', hex(24), '.', base62(20)]),
  tokenRule('octopus-deploy-key', ['API-', upper(25, 32)]),
  tokenRule('jetbrains-token', [['perm:', 'perm-'], base64(8, 64), '.', base64(4, 64), '.', base64(24, 128)]),
];

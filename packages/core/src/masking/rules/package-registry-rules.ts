import type { SecretRule } from '../secret-rule.ts';
import { base62, base64url, hex, lower, tokenRule } from '../token-rule.ts';

/** Rules for tokens of package registries and image registries. */
export const packageRegistryRules: readonly SecretRule[] = [
  tokenRule('npm-token', ['npm_', base62(36, 128)], { isWord: true }),
  tokenRule('pypi-token', ['pypi-', base64url(50, 400)], { minEntropy: 4 }),
  tokenRule('rubygems-key', ['rubygems_', hex(48, 64)]),
  tokenRule('crates-token', ['cio', base62(32)], { minEntropy: 3.5 }),
  tokenRule('nuget-key', ['oy2', lower(43)], { minEntropy: 3.5 }),
  tokenRule('clojars-token', ['CLOJARS_', lower(60)]),
  tokenRule('packagist-token', ['packagist_', ['ort_', 'ack_', 'uut_'], hex(40, 100)]),
  tokenRule('docker-hub-token', [['dckr_pat_', 'dckr_oat_'], base64url(24, 64)]),
  tokenRule('jfrog-key', ['AKCp', base62(60, 80)]),
  tokenRule('jfrog-reference-token', ['cmVmd', base62(59, 64)], { isWord: true }),
];

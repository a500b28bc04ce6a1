import type { SecretRule } from './secret-rule.ts';
import { codeHostRules } from './rules/code-host-rules.ts';
import { privateKeyRules } from './rules/private-key-rules.ts';

/** Every rule, by family. The order has no meaning: overlapping matches are merged. */
export const secretRules: readonly SecretRule[] = [...codeHostRules, ...privateKeyRules];

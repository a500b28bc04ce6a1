import { adjacentRules } from './rules/adjacent-rules.ts';
import { aiProviderRules } from './rules/ai-provider-rules.ts';
import { assignmentRules } from './rules/assignment-rules.ts';
import { azureRules } from './rules/azure-rules.ts';
import { cloudRules } from './rules/cloud-rules.ts';
import { codeHostRules } from './rules/code-host-rules.ts';
import { commandRules } from './rules/command-rules.ts';
import { credentialFileRules } from './rules/credential-file-rules.ts';
import { developerToolRules } from './rules/developer-tool-rules.ts';
import { headerRules } from './rules/header-rules.ts';
import { mailAndChatRules } from './rules/mail-and-chat-rules.ts';
import { packageRegistryRules } from './rules/package-registry-rules.ts';
import { paymentRules } from './rules/payment-rules.ts';
import { privateKeyRules } from './rules/private-key-rules.ts';
import { tableRules } from './rules/table-rules.ts';
import { urlRules } from './rules/url-rules.ts';
import { webTokenRules } from './rules/web-token-rules.ts';
import type { SecretRule } from './secret-rule.ts';

/** All rules, by family. Their order has no effect, because overlapping matches are merged. */
export const secretRules: readonly SecretRule[] = [
  ...codeHostRules,
  ...packageRegistryRules,
  ...cloudRules,
  ...azureRules,
  ...aiProviderRules,
  ...paymentRules,
  ...mailAndChatRules,
  ...developerToolRules,
  ...webTokenRules,
  ...privateKeyRules,
  ...urlRules,
  ...headerRules,
  ...credentialFileRules,
  ...commandRules,
  ...assignmentRules,
  ...adjacentRules,
  ...tableRules,
];

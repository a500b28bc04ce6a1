import { compileSecrets, maskText, mayContainSecret, secretRules, SecretScan, type SecretSet } from '@proofhouse/core';

let compiled: SecretSet | undefined;

/** Returns the rules that recognize secrets, compiled once for each thread. */
export function houseSecrets(): SecretSet {
  return (compiled ??= compileSecrets({ rules: secretRules }));
}

/** Returns a text with its secrets masked. A text without a secret, which is the usual case, is only scanned. */
export function withoutSecrets(text: string): string {
  return hasSecret(text) ? maskText(houseSecrets(), text).text : text;
}

export function hasSecret(text: string): boolean {
  if (!mayContainSecret(houseSecrets(), text)) return false;
  const scan = new SecretScan(houseSecrets(), { maxFindings: 0 });
  scan.write(Buffer.from(text, 'utf8'));
  return scan.end().total > 0;
}

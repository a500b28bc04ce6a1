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
  const bytes = Buffer.from(text, 'utf8');
  if (!mayContainSecret(houseSecrets(), bytes)) return false;
  const scan = new SecretScan(houseSecrets(), { maxFindings: 0 });
  scan.write(bytes);
  return scan.end().total > 0;
}

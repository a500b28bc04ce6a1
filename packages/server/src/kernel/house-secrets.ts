import { compileSecrets, maskText, secretRules, SecretScan, type SecretSet } from '@proofhouse/core';

let compiled: SecretSet | undefined;

/** Returns the rules of the masking engine, compiled once for each thread. */
export function houseSecrets(): SecretSet {
  return (compiled ??= compileSecrets({ rules: secretRules }));
}

/** Returns a text with its secrets masked. A text without a secret, the usual case, costs only a scan. */
export function withoutSecrets(text: string): string {
  const scan = new SecretScan(houseSecrets(), { maxFindings: 0 });
  scan.write(Buffer.from(text, 'utf8'));
  return scan.end().total === 0 ? text : maskText(houseSecrets(), text).text;
}

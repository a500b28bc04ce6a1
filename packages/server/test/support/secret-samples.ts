import { crc32 } from 'node:zlib';
import { compileSecrets, secretRules, SecretScan, type SecretClass } from '@proofhouse/core';

/** A text with a secret, and the rule that must find it. */
export interface SecretSample {
  readonly rule: string;
  readonly text: string;
  readonly secret: string;
}

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Returns a GitHub token with a valid checksum. The text after the prefix is different for each `seed`. */
export function githubToken(seed = 0): string {
  const body = String(seed).padStart(3, '0') + 'aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY';
  const random = body.slice(0, 30);
  let checksum = crc32(random);
  let text = '';
  for (let place = 0; place < 6; place += 1) {
    text = digits.charAt(checksum % 62) + text;
    checksum = Math.floor(checksum / 62);
  }
  return `ghp_${random}${text}`;
}

/** One text for each rule of the class. Its secret also passes the stricter test of the policy `reject`. */
export function secretSamples(of: SecretClass): SecretSample[] {
  const set = compileSecrets({ rules: secretRules });
  return secretRules.flatMap(({ id, class: kind, examples }) => {
    if (kind !== of) return [];
    const confirmed = examples.matches.find(({ text }) => {
      const scan = new SecretScan(set, { confirmed: true });
      scan.write(Buffer.from(text));
      return scan.end().findings.some(({ rule }) => rule === id);
    });
    return confirmed === undefined ? [] : [{ rule: id, ...confirmed }];
  });
}

const usualRules = new Set(
  (
    'github-token aws-access-key aws-secret-key slack-token stripe-key npm-token google-api-key json-web-token ' +
    'private-key gitlab-token openai-key anthropic-key'
  ).split(' '),
);

/** The samples of twelve secret formats. They are sent to every call that stores text. */
export function usualSamples(): SecretSample[] {
  return secretSamples('structured').filter(({ rule }) => usualRules.has(rule));
}

import { secretRules } from '@proofhouse/core';

/** A text with a secret. */
export interface SecretForm {
  readonly name: string;
  readonly text: string;
  /** The parts of the secret. Masking must remove all of them from `text`. */
  readonly secrets: readonly string[];
}

/** Value of the variable DEPLOY_TOKEN. It has characters that URL, JSON and other encodings change. */
export const deployToken = ['p"ss', 'w&rd/', 'of+the=', 'day'].join('');
/** A value of several lines that a command adds at run time. */
export const addedValue = ['first-half-of-it', 'second/half of it'].join('\n');

const ids = [
  'github-token',
  'aws-secret-key',
  'slack-token',
  'stripe-key',
  'npm-token',
  'anthropic-key',
  'json-web-token',
  'private-key',
  'url-password',
  'authorization-header',
];

/**
 * The tested texts. Some are examples of masking rules. The others contain `deployToken` or `addedValue` in several
 * encodings.
 */
export const secretForms: readonly SecretForm[] = [
  ...ids.map(exampleOf),
  { name: 'a variable', text: `deploys with ${deployToken} now`, secrets: [deployToken] },
  { name: 'a variable in JSON', text: JSON.stringify({ token: deployToken }), secrets: [inJson(deployToken)] },
  {
    name: 'a variable in base64',
    text: `data ${Buffer.from(deployToken).toString('base64')} end`,
    secrets: [Buffer.from(deployToken).toString('base64').slice(0, -2)],
  },
  {
    name: 'a variable in a URL',
    text: `https://host/?t=${encodeURIComponent(deployToken)}&x=1`,
    secrets: [encodeURIComponent(deployToken)],
  },
  { name: 'an added value', text: `got ${addedValue} there`, secrets: addedValue.split('\n') },
  { name: 'an added value in JSON', text: JSON.stringify([addedValue]), secrets: addedValue.split('\n') },
];

function exampleOf(id: string): SecretForm {
  const [example] = secretRules.find((rule) => rule.id === id)?.examples.matches ?? [];
  if (example === undefined) throw new Error(`there is no rule ${id}`);
  const lines = example.text.split('\n').filter((line) => !line.startsWith('-----'));
  return { name: id, text: example.text, secrets: lines.length > 1 ? lines : [example.secret] };
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Returns a line `<form>: <part>` for each part of a secret that the content still contains. */
export function shownSecrets(content: string | Uint8Array): string[] {
  const bytes = Buffer.from(content);
  return secretForms.flatMap(({ name, secrets }) =>
    secrets.filter((secret) => bytes.includes(secret)).map((secret) => `${name}: ${secret}`),
  );
}

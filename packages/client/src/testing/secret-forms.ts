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
  'gitlab-token',
  'aws-secret-key',
  'slack-token',
  'stripe-key',
  'npm-token',
  'google-api-key',
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
    name: 'a variable in JSON in a string of JSON',
    text: JSON.stringify(JSON.stringify({ value: deployToken })),
    secrets: [inJson(inJson(deployToken))],
  },
  {
    name: 'a variable in JSON with escapes of HTML',
    text: JSON.stringify({ value: deployToken }).replace('&', String.raw`\u0026`),
    secrets: [inJson(deployToken).replace('&', String.raw`\u0026`)],
  },
  { name: 'a variable for a shell', text: `echo ${forShell(deployToken)} end`, secrets: [forShell(deployToken)] },
  ...[0, 1, 2].map(base64At),
  {
    name: 'a variable in base64 for URLs',
    text: `data ${Buffer.from(deployToken).toString('base64url')} end`,
    secrets: [Buffer.from(deployToken).toString('base64url').slice(0, -2)],
  },
  {
    name: 'a variable as the password of basic authentication',
    text: `data ${Buffer.from(`deployer:${deployToken}`).toString('base64')} end`,
    secrets: [Buffer.from(`deployer:${deployToken}`).toString('base64').slice(-20, -4)],
  },
  {
    name: 'a variable in hex',
    text: `data ${Buffer.from(deployToken).toString('hex')} end`,
    secrets: [Buffer.from(deployToken).toString('hex')],
  },
  {
    name: 'a variable in a URL',
    text: `https://host/?t=${encodeURIComponent(deployToken)}&x=1`,
    secrets: [encodeURIComponent(deployToken)],
  },
  { name: 'an added value', text: `got ${addedValue} there`, secrets: addedValue.split('\n') },
  { name: 'an added value in JSON', text: JSON.stringify([addedValue]), secrets: addedValue.split('\n') },
];

/**
 * Returns a text that contains the base64 of data in which the variable begins `offset` bytes after a group of three
 * bytes.
 */
function base64At(offset: number): SecretForm {
  const before = 'xy'.slice(0, offset);
  const encoded = Buffer.from(`${before}${deployToken}`).toString('base64');
  // The characters at both ends also depend on other bytes, so they are not part of the secret.
  const secret = encoded.slice(offset === 0 ? 0 : offset + 1, -4);
  return { name: `a variable in base64 at offset ${offset}`, text: `data ${encoded} end`, secrets: [secret] };
}

function forShell(text: string): string {
  return text.replace(/[^\w/.=+-]/g, String.raw`\$&`);
}

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

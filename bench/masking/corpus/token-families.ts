// Tokens in the formats that their issuers document. Every token is random and belongs to nobody.
import { secret, tolerated } from './sample.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface TokenFamily {
  readonly family: string;
  /**
   * Returns a token with marks around the bytes that must be masked. If its prefix only names the issuer, the prefix is
   * outside the marks.
   */
  readonly make: (random: SeededRandom) => string;
  /** Names under which such a token is stored. Default: the names of the context. */
  readonly names?: readonly string[];
  /**
   * True if the format alone does not show that the token is a secret. Each text then contains the name of the token.
   */
  readonly needsName?: true;
  /** False if the token has characters that have a meaning in a URL. */
  readonly urlSafe?: false;
}

type Draw = (random: SeededRandom) => string;

const whole =
  (draw: Draw): Draw =>
  (random) =>
    secret(draw(random));

function prefixed(prefix: string, alphabet: Parameters<SeededRandom['text']>[0], length: number): Draw {
  return whole((random) => prefix + random.text(alphabet, length));
}

function json(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const github: readonly TokenFamily[] = ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix) => ({
  family: `github ${prefix}`,
  make: prefixed(prefix, 'base62', 36),
}));

const gitlab: readonly TokenFamily[] = [
  { family: 'gitlab glpat-', make: prefixed('glpat-', 'base64url', 20) },
  {
    family: 'gitlab glpat- routable',
    make: whole((r) => `glpat-${r.text('base64url', 27)}.${r.text('lower', 2)}.${r.text('lower', 9)}`),
  },
  { family: 'gitlab glptt-', make: prefixed('glptt-', 'hex', 40) },
  { family: 'gitlab gldt-', make: prefixed('gldt-', 'base64url', 20) },
  { family: 'gitlab glrt-', make: prefixed('glrt-', 'base64url', 20) },
  { family: 'gitlab glcbt-', make: whole((r) => `glcbt-${r.text('hex', 2)}_${r.text('base64url', 20)}`) },
  { family: 'gitlab glsoat-', make: prefixed('glsoat-', 'base64url', 20) },
];

const slack: readonly TokenFamily[] = [
  {
    family: 'slack xoxb-',
    make: whole((r) => `xoxb-${r.text('digits', 12)}-${r.text('digits', 13)}-${r.text('base62', 24)}`),
  },
  {
    family: 'slack xoxp-',
    make: whole((r) => `xoxp-${[12, 12, 13].map((n) => r.text('digits', n)).join('-')}-${r.text('hex', 32)}`),
  },
  {
    family: 'slack xapp-',
    make: whole((r) => `xapp-1-A${r.text('upper', 10)}-${r.text('digits', 13)}-${r.text('hex', 64)}`),
  },
  {
    family: 'slack webhook',
    urlSafe: false,
    names: ['SLACK_WEBHOOK_URL', 'webhook', 'notify_url', 'endpoint'],
    make: (r) => {
      const place = `T${r.text('upper', 10)}/B${r.text('upper', 10)}`;
      return tolerated(`https://hooks.slack.com/services/${place}/${secret(r.text('base62', 24))}`);
    },
  },
];

const openai: readonly TokenFamily[] = [
  {
    family: 'openai sk-proj-',
    make: whole((r) => `sk-proj-${r.text('base64url', 74)}T3BlbkFJ${r.text('base64url', 74)}`),
  },
  {
    family: 'openai sk-svcacct-',
    make: whole((r) => `sk-svcacct-${r.text('base64url', 74)}T3BlbkFJ${r.text('base64url', 74)}`),
  },
  { family: 'openai sk-', make: whole((r) => `sk-${r.text('base62', 20)}T3BlbkFJ${r.text('base62', 20)}`) },
];

const azure: readonly TokenFamily[] = [
  {
    family: 'azure storage account key',
    urlSafe: false,
    names: ['AZURE_STORAGE_CONNECTION_STRING', 'storage', 'blob_store', 'connection'],
    make: (r) =>
      'DefaultEndpointsProtocol=https;AccountName=' +
      `${r.text('lower', 12)};AccountKey=${secret(r.base64(64))};EndpointSuffix=core.windows.net`,
  },
  {
    family: 'azure client secret',
    make: whole((r) => `${r.text('base62', 3)}8Q~${r.text('base64url', 31)}${r.text('base62', 3)}`),
    names: ['AZURE_CLIENT_SECRET', 'client_secret'],
  },
];

const amazon: readonly TokenFamily[] = [
  { family: 'aws access key id AKIA', make: prefixed('AKIA', 'base32', 16) },
  { family: 'aws access key id ASIA', make: prefixed('ASIA', 'base32', 16) },
  {
    family: 'aws secret access key',
    needsName: true,
    urlSafe: false,
    names: ['AWS_SECRET_ACCESS_KEY', 'aws_secret_access_key', 'SecretAccessKey', 'secretAccessKey'],
    make: prefixed('', 'base64', 40),
  },
];

/** Issuers that have only one or two token formats. */
const others: readonly TokenFamily[] = [
  { family: 'stripe sk_live_', make: prefixed('sk_live_', 'base62', 24) },
  { family: 'stripe sk_live_ long', make: prefixed('sk_live_51', 'base62', 97) },
  { family: 'stripe rk_live_', make: prefixed('rk_live_', 'base62', 24) },
  { family: 'stripe sk_test_', make: prefixed('sk_test_', 'base62', 24) },
  { family: 'npm', make: prefixed('npm_', 'base62', 36) },
  { family: 'pypi', make: whole((r) => `pypi-AgEIcHlwaS5vcmc${r.text('base64url', r.integer(110, 160))}`) },
  { family: 'google api key', make: prefixed('AIza', 'base64url', 35) },
  { family: 'anthropic api key', make: whole((r) => `sk-ant-api03-${r.text('base64url', 93)}AA`) },
  { family: 'anthropic admin key', make: whole((r) => `sk-ant-admin01-${r.text('base64url', 93)}AA`) },
  { family: 'hugging face', make: prefixed('hf_', 'letters', 34) },
  { family: 'sendgrid', make: whole((r) => `SG.${r.text('base64url', 22)}.${r.text('base64url', 43)}`) },
  { family: 'vault hvs.', make: whole((r) => `hvs.${r.text('base64url', r.integer(90, 110))}`) },
  { family: 'vault hvb.', make: whole((r) => `hvb.${r.text('base64url', r.integer(140, 170))}`) },
  { family: 'databricks', make: prefixed('dapi', 'hex', 32) },
  { family: 'digitalocean dop_v1_', make: prefixed('dop_v1_', 'hex', 64) },
  { family: 'digitalocean doo_v1_', make: prefixed('doo_v1_', 'hex', 64) },
  { family: 'twilio api key', make: prefixed('SK', 'hex', 32) },
  {
    family: 'twilio auth token',
    needsName: true,
    names: ['TWILIO_AUTH_TOKEN', 'twilio_auth_token', 'twilioAuthToken'],
    make: prefixed('', 'hex', 32),
  },
  {
    family: 'jwt',
    make: whole((r) => {
      const claims = { sub: r.text('digits', 10), iat: 1_700_000_000 + r.integer(0, 9_000_000), jti: r.uuid() };
      const header = json({ alg: r.pick(['HS256', 'RS256', 'ES256']), typ: 'JWT' });
      return `${header}.${json(claims)}.${r.text('base64url', r.pick([43, 86, 342]))}`;
    }),
  },
];

export const tokenFamilies: readonly TokenFamily[] = [
  ...github,
  { family: 'github_pat_', make: whole((r) => `github_pat_${r.text('base62', 22)}_${r.text('base62', 59)}`) },
  ...amazon,
  ...gitlab,
  ...slack,
  ...openai,
  ...azure,
  ...others,
];

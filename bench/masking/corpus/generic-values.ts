// Three lists: secrets that can be recognized only by a name such as `DB_PASSWORD`, such names, and placeholders that
// occur as values of such names. Items at an even index belong to the development half of the corpus, the others to the
// held-out half.
import { secret, type Half } from './sample.ts';
import type { SeededRandom } from './seeded-random.ts';

function ofHalf<T>(items: readonly T[], half: Half): readonly T[] {
  return items.filter((_, index) => (index % 2 === 0) === (half === 'development'));
}

/**
 * Names for values that can be recognized as secret by their format alone. Half of the names do not say that the value
 * is secret.
 */
const plainNames = [
  'CI_VALUE',
  'SERVICE_TOKEN',
  'REMOTE',
  'DEPLOY_KEY',
  'setting_7',
  'CLIENT_AUTH',
  'USE_THIS',
  'API_KEY',
];

const secretNames = [
  'DB_PASSWORD',
  'API_KEY',
  'CLIENT_SECRET',
  'access_token',
  'SIGNING_SECRET',
  'ADMIN_PASSWORD',
  'service_api_key',
  'AUTH_TOKEN',
  'ENCRYPTION_KEY',
  'SECRET_KEY',
  'MYSQL_ROOT_PASSWORD',
  'private_token',
  'APP_SECRET',
  'REFRESH_TOKEN',
  'smtp_password',
  'PASSPHRASE',
  'jwt_secret_key',
  'WEBHOOK_SECRET',
  'db_pass',
  'ACCESS_TOKEN_SECRET',
  'root-password',
  'keystore_password',
];

const words = ['river', 'copper', 'window', 'harbor', 'silver', 'planet', 'forest', 'marble', 'rocket', 'winter'];

function passPhrase(random: SeededRandom): string {
  const [first, second] = [random.pick(words), random.pick(words)];
  const capital = second.charAt(0).toUpperCase() + second.slice(1);
  return `${first.replace('o', '0').replace('i', '1')}-${capital}!${random.text('digits', 1)}`;
}

/**
 * Kinds of values that are secret only under a secret name. UUIDs are omitted, because most of them are identifiers and
 * not secrets.
 */
export const genericFamilies: readonly { family: string; urlSafe: boolean; make: (random: SeededRandom) => string }[] =
  [
    { family: 'letters and digits', urlSafe: true, make: (r) => secret(r.text('base62', r.integer(16, 40))) },
    { family: 'base64', urlSafe: false, make: (r) => secret(r.base64(r.pick([24, 32, 48]))) },
    { family: 'hex', urlSafe: true, make: (r) => secret(r.text('hex', r.pick([32, 48, 64]))) },
    {
      family: 'password with symbols',
      urlSafe: false,
      make: (r) =>
        secret(`${r.text('base62', 5)}!${r.text('base62', 4)}#${r.text('base62', 3)}*${r.text('digits', 2)}`),
    },
    {
      family: 'words and digits',
      urlSafe: true,
      make: (r) => secret(`${r.pick(words)}-${r.pick(words)}-${r.text('digits', 4)}`),
    },
    { family: 'pass phrase with signs', urlSafe: false, make: (r) => secret(passPhrase(r)) },
    {
      family: 'base64 of a pass phrase',
      urlSafe: false,
      make: (r) => secret(Buffer.from(passPhrase(r)).toString('base64')),
    },
  ];

const placeholders = [
  'changeme',
  '<your-api-key>',
  '${SERVICE_SECRET}',
  '{{ .Values.auth.password }}',
  'xxxxxxxxxxxxxxxxxxxxxxxx',
  '********************',
  '[REDACTED]',
  'process.env.SERVICE_SECRET',
  "os.environ['SERVICE_SECRET']",
  'your_secret_token_here',
  'REPLACE_ME_WITH_A_SECRET',
  '$(cat secret.txt)',
  'example-password-123',
  'null',
  '***MASKED***',
  'None',
  'placeholder',
  '%(db_password)s',
  '${{ secrets.DEPLOY_TOKEN }}',
  'vault:kv/data/app#password',
  'dummy-token-for-tests',
  'insert-token-here',
  '/run/secrets/db_password',
  'config.get("db.password")',
  '1234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'test-secret',
  '<hidden>',
  'ENC[AES256_GCM]',
  'op://vault/item/field',
  ['ghp', 'x'.repeat(36)].join('_'),
  ['glpat', 'X'.repeat(20)].join('-'),
  ['sk', 'live', '...'].join('_'),
  ['npm', '<token>'].join('_'),
  ['AKIA', 'X'.repeat(16)].join(''),
  ['AKIA', 'IOSFODNN7', 'EXAMPLE'].join(''),
  ['hf', 'your', 'token'].join('_'),
  ['xoxb', 'your', 'token'].join('-'),
  ['sk', 'ant', '...'].join('-'),
  ['ghp', '0'.repeat(36)].join('_'),
  'Enter your password',
  'string',
  'getToken(request)',
  'readSecret("db")',
  '%env(SECRET)%',
  '!vault secret/data/app',
  'your-256-bit-secret',
  '${SECRET:?is not set}',
  'file:///run/secrets/token',
  'arn:aws:secretsmanager:eu-west-1:123456789012:secret:app',
  '<REDACTED>',
  '(not shown)',
  'undefined',
  'my-super-secret-password',
  'secrets.DEPLOY_TOKEN',
  'var.db_password',
  '$DB_PASSWORD',
  '{{password}}',
];

export const plainNamesOf = (half: Half): readonly string[] => ofHalf(plainNames, half);
export const secretNamesOf = (half: Half): readonly string[] => ofHalf(secretNames, half);
export const placeholdersOf = (half: Half): readonly string[] => ofHalf(placeholders, half);

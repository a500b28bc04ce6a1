import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import { looksRandom } from '../random-text.ts';
import type { SecretRule } from '../secret-rule.ts';

const chosen = 's3cr' + 'et!pw';
const value = makeExample('hex', 32);

/** Rules for credentials in URLs. */
export const urlRules: readonly SecretRule[] = [
  {
    id: 'url-password',
    class: 'context',
    keywords: ['://', String.raw`:\/\/`],
    // A password may contain `@` without percent-encoding. So the password ends at the last `@` before a slash or a
    // blank.
    pattern:
      /(?<=[A-Za-z0-9]):(?:\\{0,2}\/){2}[^\s/?#@:"'`<>\\]{0,128}:(?<secret>[^\s/"'`<>\\]{1,256})@(?=[A-Za-z0-9.[$%{_*-])/dy,
    maxLength: 400,
    accepts: (secret) => secret.length >= 3 && !isPlaceholder(secret) && !/^(?:\d{1,5}|x-oauth-basic)$/.test(secret),
    examples: {
      matches: [
        { text: `DATABASE_URL=postgres://app:${chosen}@db:5432/app`, secret: chosen },
        { text: `git clone https://x-access-token:${value}@github.com/a/b.git`, secret: value },
        { text: String.raw`{"url":"redis:\/\/:${value}@cache:6379\/0"}`, secret: value },
        { text: 'mongodb+srv://user:' + 'p@ss-w0rd@cluster0.example.net/db', secret: 'p@ss-w0rd' },
      ],
      ignores: [
        'postgres://user:password@localhost/db',
        'https://user:${PASSWORD}@host/path',
        'https://user:***MASKED***@host/path',
        'http://localhost:3000/@scope/package',
        'ssh://git@github.com:22/a/b',
        'https://host:8080/path?mail=a@b.example',
        'amqp://guest:guest@localhost',
      ],
    },
  },
  {
    id: 'url-encoded-password',
    class: 'context',
    keywords: ['%3a%2f%2f'],
    pattern:
      /%3A%2F%2F(?:[A-Za-z0-9._~-]|%(?!3A|2F|40)[0-9A-F]{2}){0,128}%3A(?<secret>(?:[A-Za-z0-9._~!*()-]|%(?!2F|40)[0-9A-F]{2}){3,256})%40/diy,
    maxLength: 800,
    accepts: (secret) => !isPlaceholder(secret) && !/^\d{1,5}$/.test(secret),
    examples: {
      matches: [{ text: `?target=postgres%3A%2F%2Fapp%3A${value}%40db%3A5432`, secret: value }],
      ignores: ['?url=https%3A%2F%2Fhost%3A8080%2Fpath'],
    },
  },
  {
    id: 'url-token',
    class: 'context',
    keywords: ['://', String.raw`:\/\/`],
    pattern:
      /(?<=[A-Za-z0-9]):(?:\\{0,2}\/){2}(?<secret>[A-Za-z0-9_.~-]{16,256})(?::(?:x-oauth-basic)?)?@(?=[A-Za-z0-9.[$%{_-])/dy,
    maxLength: 300,
    minEntropy: 3,
    accepts: (secret) => !isPlaceholder(secret) && looksRandom(secret),
    examples: {
      matches: [
        { text: `SENTRY=https://${value}@o123.ingest.sentry.io/42`, secret: value },
        { text: `https://${value}:x-oauth-basic@github.com/a/b`, secret: value },
      ],
      ignores: ['https://continuous-integration@host/a', 'ssh://git@github.com/a/b'],
    },
  },
];

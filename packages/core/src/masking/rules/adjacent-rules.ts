import { lastWord, lastWordKeywords, tailNamesSecret } from '../assignment-names.ts';
import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import { hasMixedCharacters, isLookAlike, looksChosen, looksRandom } from '../random-text.ts';
import type { SecretGroups, SecretRule } from '../secret-rule.ts';
import { notAfter, tail } from './assignment-syntax.ts';

const value = makeExample('base62', 24);
const chosen = 'Tr0ub4dor' + '&3';
const secretNameEnd = '(?:PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|TOKEN|CREDENTIALS?|CONNECTION_STRING|DSN|KEY)';

/** Source of a pattern for one character of a value in a URL. Encoded quotes and signs between fields end the value. */
const encoded = String.raw`(?:[A-Za-z0-9_.~+/:@!#$^*?-]|%(?!(?:25)?(?:26|22|27|2c|3b|3d|7d|0a|20))[0-9a-f]{2})`;

/** Returns true if the text is a secret even where only a word of prose precedes it. */
function acceptsAdjacent(secret: string, groups: SecretGroups): boolean {
  const isPassword = /^(?:pass|pwd)/i.test(groups['word'] ?? '');
  const isTight = hasMixedCharacters(secret) || /^[0-9a-f]{24,}$/i.test(secret) || /^[A-Za-z0-9]{20,}$/.test(secret);
  // In a sentence, a single blank or `is` often follows a secret word. So the value must then look more like a secret.
  if (groups['near'] !== undefined && !(isPassword && /[^A-Za-z0-9.]/.test(secret)) && !isTight) return false;
  return (isPassword || isTight) && looksRandom(secret) && !isPlaceholder(secret);
}

/**
 * Returns true for an argument of a call that sets a value, such as `setPassword("…")`. `owner` is the text before the
 * word.
 */
function acceptsArgument(secret: string, groups: SecretGroups): boolean {
  const owner = groups['owner'] ?? '';
  return (
    /(?:^|[^A-Za-z])(?:set|with|use|using|add)(?:[A-Z_]\w{0,30})?$|\.$/.test(owner) && acceptsAdjacent(secret, groups)
  );
}

function acceptsShellVariable(secret: string, groups: SecretGroups): boolean {
  return (
    tailNamesSecret('KEY', (groups['tail'] ?? '').toUpperCase()) &&
    looksChosen(secret) &&
    !isLookAlike(secret) &&
    !isPlaceholder(secret)
  );
}

/**
 * Rules for values that follow the last word of their name directly or after blanks. The sign between both is part of
 * the keyword, so that the patterns do not run at other occurrences of the word.
 */
export const adjacentRules: readonly SecretRule[] = [
  {
    id: 'escaped-assignment',
    class: 'generic',
    keywords: lastWordKeywords([String.raw`\u003d`, String.raw`\x3d`, '%3d', '%253d', '%5d=', '%22%3a']),
    pattern: new RegExp(
      String.raw`${notAfter}${lastWord}(?:\\(?:u003d|x3d)|%(?:25)?3d|%5d=|%22%3a)(?:%22|\\{1,3}["'])?` +
        String.raw`(?<secret>\*\*\*MASKED\*\*\*(?!${encoded})|(?:\*\*\*MASKED\*\*\*)?(?:${encoded}{256}|${encoded}{8,255}(?:=|%(?:25)?3d){0,2}(?!${encoded}|[A-Za-z0-9])))`,
      'dyi',
    ),
    maxLength: 860,
    accepts: (secret, groups) =>
      (looksRandom(secret) || (/^(?:pass|pwd)/i.test(groups['word'] ?? '') && looksChosen(secret))) &&
      !isPlaceholder(secret),
    examples: {
      matches: [
        { text: String.raw`"/cb?a=1\u0026access_token\u003d${value}"`, secret: value },
        { text: String.raw`query = "password\x3d${value}"`, secret: value },
        { text: `GET /go?to=%2Fcb%3Fapi_key%3D${value}%26mode%3Dfast`, secret: value },
        { text: `user%5Bpassword%5D=${value}&commit=Go`, secret: value },
        { text: `body=%7B%22client_secret%22%3A%22${value}%22%7D`, secret: value },
      ],
      ignores: [
        'nextPageToken%3DCAoQAB1a2b3c4d5e',
        String.raw`token\u003d550e8400-e29b-41d4-a716-446655440000`,
        'monkey%3Da8f7d6c5b4a3',
      ],
    },
  },
  {
    id: 'quoted-after-name',
    class: 'generic',
    keywords: lastWordKeywords([' "', " '", ' `', String.raw` \"`]),
    pattern: new RegExp(
      String.raw`${notAfter}${lastWord}[ ](?:\\{1,3}["'](?<secret2>[^\s"'\x60\\]{8,512})\\|(?<quote>["'\x60])(?<secret>[^\s"'\x60\\]{8,512})\k<quote>)`,
      'dyi',
    ),
    maxLength: 560,
    accepts: acceptsAdjacent,
    examples: {
      matches: [
        { text: `#define API_KEY "${value}"`, secret: value },
        { text: `login failed for password '${chosen}9x'`, secret: `${chosen}9x` },
        { text: String.raw`"using token \"${value}\""`, secret: value },
      ],
      ignores: [
        'secret "app-config-12345" not found',
        "unexpected token 'export1'",
        'token "default-token-x7k2p"',
        'key "v1.22.3"',
      ],
    },
  },
  {
    id: 'argument-of-setter',
    class: 'generic',
    keywords: lastWordKeywords(['("', "('", '(`', String.raw`(\"`]),
    pattern: new RegExp(
      String.raw`(?<=(?<owner>[A-Za-z0-9_.]{0,32}))${lastWord}\((?:\\{1,3}["'](?<secret2>[^\s"'\x60\\]{8,512})\\|(?<quote>["'\x60])(?<secret>[^\s"'\x60\\]{8,512})\k<quote>)`,
      'dyi',
    ),
    maxLength: 560,
    accepts: acceptsArgument,
    examples: {
      matches: [
        { text: `client.setPassword("${value}");`, secret: value },
        { text: `builder.withApiKey('${value}').build()`, secret: value },
        { text: `.secret("${value}")`, secret: value },
      ],
      ignores: [
        `getSecret("${value}")`,
        'setToken("my-token-12345")',
        'hashPassword("a8f7d6c5b4a3")',
        'setPassword("password")',
      ],
    },
  },
  {
    id: 'column-after-name',
    class: 'generic',
    keywords: [...lastWordKeywords(['  ', '\t', String.raw`\t`, ' is ']), 'password ', 'passwd ', 'passphrase '],
    pattern: new RegExp(
      String.raw`${notAfter}${lastWord}(?:[ ]{2,40}|(?:\\t|\t){1,8}|(?<near>[ ](?:is[ ])?))(?<secret>[A-Za-z0-9_.~+/=:@!#$%^*?&-]{8,512})(?![^\s|\\),;])`,
      'dyi',
    ),
    maxLength: 580,
    accepts: acceptsAdjacent,
    examples: {
      matches: [
        { text: `Key         Value\n---         -----\npassword    ${value}\n`, secret: value },
        { text: `api_key\t${value}\n`, secret: value },
        { text: `The new token is ${value}, keep it`, secret: value },
        { text: `log in as admin with password ${chosen}`, secret: chosen },
      ],
      ignores: [
        'secret  app-config-12345  Opaque',
        'token     tests/token2.test.ts',
        'password  128000',
        'password reset-2024 is done',
        'the token is sha256Hex',
        'password hunter2-user',
        'key   2026-01-15T10:00:00Z',
      ],
    },
  },
  {
    id: 'dockerfile-variable',
    class: 'context',
    keywords: ['env ', 'env\t'],
    case: 'upper',
    pattern: new RegExp(
      String.raw`(?<![A-Za-z])ENV[ \t]{1,8}[A-Z0-9_]{0,40}${secretNameEnd}${tail}[ \t]{1,8}["']?(?<secret>[^\s"'\\=]{6,256})`,
      'dy',
    ),
    maxLength: 400,
    accepts: acceptsShellVariable,
    examples: {
      matches: [{ text: `FROM scratch\nENV DB_PASSWORD ${value}`, secret: value }],
      ignores: ['ENV PASSWORD_FILE /run/secrets/a1', 'ENV API_KEY ${API_KEY}', 'ENV TOKEN changeme'],
    },
  },
  {
    id: 'shell-variable',
    class: 'context',
    keywords: ['set -', 'setenv ', 'setx ', 'fastcgi_param '],
    pattern: new RegExp(
      String.raw`(?:set(?:[ ]-{1,2}[a-z-]{1,12}){1,4}|setenv|setx|fastcgi_param)[ \t]{1,16}[A-Za-z0-9_]{0,40}${secretNameEnd}${tail}[ \t]{1,16}["']?(?<secret>[^\s"'\\;]{6,256})(?![^\s"';]|;[^\s])`,
      'dyi',
    ),
    maxLength: 480,
    accepts: acceptsShellVariable,
    examples: {
      matches: [
        { text: `set -gx API_KEY ${value}`, secret: value },
        { text: `set --export --global DB_PASSWORD "${chosen}"`, secret: chosen },
        { text: `setenv AUTH_TOKEN ${value}`, secret: value },
        { text: `SetEnv SMTP_PASSWORD ${value}`, secret: value },
        { text: `setx CLIENT_SECRET "${value}"`, secret: value },
      ],
      ignores: [
        'set -x TOKEN (cat token1.txt)',
        'setenv PASSWORD_FILE /run/secrets/a1',
        'set -e TOKEN',
        'setenv API_KEY $API_KEY',
      ],
    },
  },
];

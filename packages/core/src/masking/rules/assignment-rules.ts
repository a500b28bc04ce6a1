import {
  namesPassword,
  secretWord,
  secretWordKeywords,
  tailNamesSecret,
  upperSecretWord,
  upperSecretWordKeywords,
} from '../assignment-names.ts';
import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import { isCompoundName, isLookAlike, looksChosen, looksRandom } from '../random-text.ts';
import type { SecretGroups, SecretRule } from '../secret-rule.ts';
import { escapeBefore } from '../token-rule.ts';
import {
  gap,
  lineBreak,
  nameEnd,
  notAfter,
  operator,
  shortGap,
  tail,
  wrapper,
  xmlOperator,
} from './assignment-syntax.ts';

const value = makeExample('base62', 24);
const hexValue = makeExample('hex', 32);
const chosen = 'Tr0ub4dor' + '&3';

const named = (groups: SecretGroups): boolean => tailNamesSecret(groups['word'] ?? '', groups['tail'] ?? '');

/** The fast tests run first. Nearly all texts fail one of them. */
function acceptsValue(text: string, groups: SecretGroups): boolean {
  // A URL may end with a fragment (`#…`). After the value of a query parameter, it is not part of the secret.
  const secret = text.replace(/#[a-z-]{0,24}$/, '');
  return named(groups) && looksSecret(secret, groups) && !isPlaceholder(secret);
}

function looksSecret(secret: string, groups: SecretGroups): boolean {
  if (isCommit(secret, groups)) return false;
  // The text after a comma, a bar or a line break may also be the next value of a table row, or the next expression of
  // source code. It counts only if it looks random.
  if (groups['loose'] !== undefined || groups['next'] !== undefined)
    return /^[^=:?()]{8,256}={0,2}$/.test(secret) && looksRandom(secret) && !isName.test(secret);
  return (
    (looksRandom(secret) ||
      (namesPassword(groups['word'] ?? '') && looksChosen(secret) && !isIdentifier(secret, 'quote' in groups))) &&
    !isOption(secret)
  );
}

/** Matches a name in camel case, with underscores or in upper case, and a word with a number. */
const isName =
  /^(?:[A-Z]?[a-z]{1,20}\d{0,5}(?:[A-Z][a-z]{2,20}){1,6}|[A-Za-z]{2,40}\d{4,20}|#?[a-z]{1,20}\d{0,5}(?:_[a-z]{1,20}\d{0,5}){2,8}\.?|[A-Z][A-Z0-9]{0,20}(?:_[A-Z0-9]{1,20}){2,8})$/;
/** Returns true for a name with the operator after it, as in lists of options. */
function isOption(text: string): boolean {
  const name = text.slice(0, -1);
  return /[=:]$/.test(text) && (/^[a-z_-]+$/.test(name) || isCompoundName(name));
}

/** Returns true for a text that has the form of a commit id and stands under `access_key`, such as a field of a list of revisions. */
function isCommit(secret: string, groups: SecretGroups): boolean {
  return /^access/i.test(groups['word'] ?? '') && /^[0-9a-f]{40}$/.test(secret);
}

/**
 * Returns true for the name of a variable or property. Without quotes, a name with a number (such as `sha256Password`)
 * counts too.
 */
function isIdentifier(text: string, isQuoted: boolean): boolean {
  if (!isQuoted && isCompoundName(text)) return true;
  return /^[A-Za-z_$][A-Za-z_$]{0,60}$|^[a-z]{1,20}(?:[A-Z][a-z]{1,20}){1,6}\d{0,2}$/.test(text);
}

function acceptsVariable(secret: string, groups: SecretGroups): boolean {
  if (secret.length < 6 || /^[\d.,_-]+$/.test(secret) || !named(groups) || isCommit(secret, groups)) return false;
  const word = namesPassword(groups['word'] ?? '') ? /^(?:[a-z]{6,}|[A-Z]{6,})$/ : /^[A-Za-z]{24,}$/;
  return (looksChosen(secret) || word.test(secret)) && !isLookAlike(secret) && !isPlaceholder(secret);
}

/**
 * Rules for values that are assigned to names such as `DB_PASSWORD`, `apiKey` and `client-secret`, in configuration
 * files and source code.
 */
export const assignmentRules: readonly SecretRule[] = [
  {
    id: 'environment-variable',
    class: 'context',
    keywords: upperSecretWordKeywords,
    case: 'upper',
    needs: 'assignment',
    pattern: new RegExp(
      String.raw`(?:(?<![a-z]|ASK|BY|COM)|${escapeBefore})${upperSecretWord}(?<tail>[A-Z0-9_]{0,40})(?:\\{0,3}["'\]]){0,2}${shortGap}(?:\?\?|[+?:])?[=:]${shortGap}(?:\$(?=["']))?` +
        String.raw`(?:\\{1,3}["'](?<secret4>[^"'\\\r\n]{6,512})\\|"(?<secret>[^"\r\n]{6,512})"|'(?<secret2>[^'\r\n]{6,512})'|` +
        String.raw`(?!["'\x60\\])(?<secret3>(?:[^\s"'\x60\\<\x1b]|<(?!\/)){5,511}(?:[^\s"'\x60\\<;,)\]}\x1b]|(?<=[^;,)\]}])[)\]}])))`,
      'dy',
    ),
    maxLength: 744,
    accepts: acceptsVariable,
    examples: {
      matches: [
        { text: `DB_PASSWORD=${chosen}`, secret: chosen },
        { text: `export SERVICE_API_KEY="${value}"`, secret: value },
        { text: `ENV JWT_SECRET=${hexValue}`, secret: hexValue },
        { text: `  - POSTGRES_PASSWORD=horsestaple`, secret: 'horsestaple' },
        { text: `{"env":{"AUTH_TOKEN":"${value}"}}`, secret: value },
        { text: String.raw`{\"SMTP_PASS\": \"${value}\"}`, secret: value },
        { text: `cat <<EOF\nADMIN_SECRET_KEY=${value}\nEOF`, secret: value },
        { text: `SECRETS+=${value}`, secret: value },
      ],
      ignores: [
        'PROOFHOUSE_SECRET_POLICY=reject MAX_TOKENS=128000 TOKENIZERS_PARALLELISM=false',
        'DB_PASSWORD=${DB_PASSWORD}',
        'GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}',
        'PASSWORD=changeme',
        'API_KEY=your-api-key-here',
        'API_KEY=<your-key>',
        'SECRET_FILE=/run/secrets/a1b2c3d4',
        'GIT_ASKPASS=/usr/bin/echo1',
        'PWD=/srv/project1',
        'TOKEN=$(cat token.txt)',
        'TOKEN_COUNT=123456',
        `PASSWORD_HASH=${hexValue}`,
      ],
    },
  },
  {
    id: 'quoted-assignment',
    class: 'generic',
    keywords: secretWordKeywords,
    needs: 'assignment',
    pattern: new RegExp(
      String.raw`${notAfter}${secretWord}${tail}${nameEnd}(?:${operator}(?:${gap}|[ \t]{0,8}\(?[ \t]{0,8}${lineBreak}[+ -]?[ \t]{0,64})|(?<loose>[,|])[ \t]{0,8})${wrapper}(?:\\{1,3}["'](?<secret2>[^\s"'\\]{6,512})\\|&quot;(?<secret3>[^\s&<>"]{6,512})&quot;|(?<quote>"{3}|'{3}|["'\x60])(?<secret>(?:[^\s"'\x60\\]|\\["'\\/u]){6,512})\k<quote>)`,
      'dyi',
    ),
    maxLength: 1100,
    accepts: acceptsValue,
    examples: {
      matches: [
        { text: `password = "${chosen}"`, secret: chosen },
        { text: `{"clientSecret": "${value}"}`, secret: value },
        { text: String.raw`{\"api_key\":\"${value}\"}`, secret: value },
        { text: `const apiKey: string = '${value}';`, secret: value },
        { text: `<add key="DbPassword" value="${value}"/>`, secret: value },
        { text: `{"name":"access-token","value":"${value}"}`, secret: value },
        { text: `- name: db-password\n  value: "${value}"`, secret: value },
        { text: `password: "hunter2"`, secret: 'hunter2' },
        { text: `INSERT INTO settings VALUES ('smtp_password', '${value}');`, secret: value },
        { text: `secret_token := "${hexValue}"`, secret: hexValue },
      ],
      ignores: [
        'password: "password"',
        'token: "string"',
        'const tokenCount = "a1b2c3d4e5f6"',
        '"nextPageToken": "CAoQAB1a2b3c4d5e"',
        'monkey = "a8f7d6c5b4a3"',
        'keyboard: "a8f7d6c5b4a3"',
        '"token": "550e8400-e29b-41d4-a716-446655440000"',
        '"secret": "sha256:9f86d081884c7d659a2feaa0c55ad015"',
        'password: "Enter your password"',
        "token: 'worker-1'",
        'secretName: "a1b2c3d4e5f6a7b8"',
        'token = "{{ token }}"',
      ],
    },
  },
  {
    id: 'unquoted-assignment',
    class: 'generic',
    keywords: secretWordKeywords,
    needs: 'assignment',
    pattern: new RegExp(
      String.raw`${notAfter}${secretWord}${tail}${nameEnd}(?:${operator}(?:${gap}|(?<next>[ \t]{0,8}${lineBreak}[+ -]?[ \t]{1,32}))|${xmlOperator}|(?<loose>[,|])[ \t]{0,16})` +
        String.raw`(?<secret>\*\*\*MASKED\*\*\*(?![A-Za-z0-9_.~+/=@!$%^*-])|(?:\*\*\*MASKED\*\*\*)?(?:[A-Za-z0-9_.~+/=:@!#$%^*?-]{256}|[A-Za-z0-9_.~+/=:@!#$%^*?-]{8,255}(?![^\s"'\x60<>,;&|)\]}\\\x1b])))`,
      'dyi',
    ),
    maxLength: 860,
    accepts: acceptsValue,
    examples: {
      matches: [
        { text: 'Connecting with token: secret-token-12345', secret: 'secret-token-12345' },
        { text: `api_key: ${value}`, secret: value },
        { text: `https://host/path?access_token=${value}&page=2`, secret: value },
        { text: `<password>${value}</password>`, secret: value },
        { text: `<clientSecret><![CDATA[${value}]]></clientSecret>`, secret: value },
        { text: `# old password: ${chosen}`.replace('&', '!'), secret: chosen.replace('&', '!') },
        { text: `db_password,${value},2026`, secret: value },
        { text: 'SMTP_PASSWORD,e4qG3!8mPH#im*09,active', secret: 'e4qG3!8mPH#im*09' },
        { text: `X-Api-Key: ${hexValue}`, secret: hexValue },
        { text: `secret+=${value}`, secret: value },
      ],
      ignores: [
        'const token = await readToken2(file1);',
        'token: sha256Hex',
        'token=550e8400-e29b-41d4-a716-446655440000',
        'token: 2026-01-15T10:00:00Z',
        'tokens: 128000',
        'passed: 1200',
        'secret: path/to/file1.ts:12:5',
        'bypass=a1b2c3d4e5',
        'arn:aws:secretsmanager:eu-west-1:856221818424:secret:prod/db-OxP6u4',
        '?password=***MASKED***#done',
        'secret: ENC[AES256_GCM,data:a8f7d6c5]',
        'password: ********',
        'token: xxxxxxxxxxxx',
        'password=$DB_PASSWORD',
      ],
    },
  },
];

import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import { looksChosen, looksRandom } from '../random-text.ts';
import type { SecretRule } from '../secret-rule.ts';
import { secretWord, secretWordKeywords, tailNamesSecret } from '../assignment-names.ts';
import { wordStart } from '../token-rule.ts';

const value = makeExample('base62', 36);
const uuid = '0f8fad5b-d9cb-469f-a165-' + '70867728950e';
const dockerAuth = btoa('robot:' + makeExample('base62', 12));
const awsSecret = makeExample('base64', 40, 5);
const block = makeExample('base62', 20, 9);

const isSecret = (secret: string): boolean => !isPlaceholder(secret) && secret.length >= 6;
const tail = String.raw`(?<tail>[A-Za-z0-9_.-]{0,40})`;

const lineBreak = String.raw`(?:\r?\n|\\n)`;
/** Source of a pattern for the text before the first line of a YAML block scalar. It also matches in a diff. */
const scalarLine = String.raw`${lineBreak}[+ -]?[ \t]{1,32}`;
/**
 * Source of a pattern for the text before another line of a block scalar. In a diff, where the new value follows the
 * old one, such a line has one word. Elsewhere the line must be base64, because any text may follow a value.
 */
const nextScalarLine = String.raw`${lineBreak}(?:[+-][ \t]{1,32}(?=[^\s"'\\]{6,512}[ \t]{0,8}(?:[\r\n\\]|$))|[+ -]?[ \t]{1,32}(?=[A-Za-z0-9+/=_-]{20}))`;

/** Rules for credentials in the files of tools. */
export const credentialFileRules: readonly SecretRule[] = [
  {
    id: 'npmrc-auth',
    class: 'context',
    keywords: ['_authtoken', '_auth', ':_password'],
    pattern: new RegExp(
      String.raw`(?:${wordStart})(?:_authToken|_auth|:_password)(?:[ \t]{0,4}[=:][ \t]{0,4}|(?<=:_[A-Za-z]{4,9})[ ])["']?(?<secret>[A-Za-z0-9_.~+/-]{8,1024}={0,2})`,
      'diy',
    ),
    maxLength: 1100,
    accepts: (secret) => isSecret(secret) && /\d|[A-Z].*[A-Z]|=/.test(secret),
    examples: {
      matches: [
        { text: `//packages.example/:_authToken=${uuid}`, secret: uuid },
        { text: `//host/:_password=${dockerAuth}`, secret: dockerAuth },
        { text: `_auth = "${dockerAuth}"`, secret: dockerAuth },
        { text: `npm config set //host/:_authToken ${uuid}`, secret: uuid },
      ],
      ignores: ['//packages.example/:_authToken=${NPM_TOKEN}', 'is_auth = required', '_authToken=your-token-here'],
    },
  },
  {
    id: 'docker-auth',
    class: 'context',
    keywords: ['"auth"', String.raw`"auth\"`],
    pattern: /"auth\\{0,3}"\s{0,8}:\s{0,8}\\{0,3}"(?<secret>[A-Za-z0-9+/]{8,2048}={0,2})\\{0,3}"/dy,
    maxLength: 2200,
    accepts: isBasicAuth,
    examples: {
      matches: [
        { text: `{"auths":{"host":{"auth": "${dockerAuth}"}}}`, secret: dockerAuth },
        { text: String.raw`{\"auths\":{\"host\":{\"auth\":\"${dockerAuth}\"}}}`, secret: dockerAuth },
      ],
      ignores: ['{"auth": "required"}', '{"auth": "bm90LWEtcGFpcg=="}'],
    },
  },
  {
    id: 'aws-secret-key',
    class: 'structured',
    keywords: [
      'secretaccesskey',
      'secret_access_key',
      'secret-access-key',
      'secret access key',
      'aws_secret_key',
      'awssecretkey',
      'secretkey',
    ],
    pattern:
      /(?:secret[_ -]?access[_ -]?key|aws_secret_key|awssecretkey|secretkey)(?:_id)?(?:\\{0,3}["'\]>)]){0,2}\s{0,8}(?:[=:,>|]|=>|:=)?\s{0,8}(?:[|>][+-]?\s{1,24})?(?:\\{0,3}["'])?(?<secret>[A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])/diy,
    maxLength: 160,
    minEntropy: 3.5,
    accepts: (secret) =>
      !isPlaceholder(secret) && /\d/.test(secret) && /[A-Za-z]/.test(secret) && !/^[0-9a-f]+$/.test(secret),
    examples: {
      matches: [
        { text: `aws_secret_access_key = ${awsSecret}`, secret: awsSecret },
        { text: `"SecretAccessKey": "${awsSecret}"`, secret: awsSecret },
        { text: `<SecretAccessKey>${awsSecret}</SecretAccessKey>`, secret: awsSecret },
        { text: `secretAccessKey: |\n    ${awsSecret}\n`, secret: awsSecret },
        { text: `aws configure set aws_secret_access_key ${awsSecret}`, secret: awsSecret },
      ],
      ignores: ['aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY' + 'EXAMPLEKEY', 'SecretAccessKey: string'],
    },
  },
  {
    id: 'aws-session-token',
    class: 'structured',
    keywords: ['session_token', 'sessiontoken', 'security_token', 'securitytoken'],
    pattern:
      /(?:session|security)_?token(?:\\{0,3}["'\]>]){0,2}\s{0,8}[=:,>]?\s{0,8}(?:\\{0,3}["'])?(?<secret>[A-Za-z0-9+/]{80,4096}={0,2})/diy,
    maxLength: 4200,
    minEntropy: 4,
    accepts: (secret) => !isPlaceholder(secret),
    examples: {
      matches: [{ text: `aws_session_token = ${makeExample('base64', 200)}`, secret: makeExample('base64', 200) }],
      ignores: ['session_token: abc', `session_token=${'A'.repeat(100)}`],
    },
  },
  {
    id: 'service-account-key-id',
    class: 'structured',
    keywords: ['private_key_id'],
    pattern: /private_key_id\\{0,3}"\s{0,8}:\s{0,8}\\{0,3}"(?<secret>[0-9a-f]{40})/dy,
    maxLength: 100,
    minEntropy: 3,
    examples: {
      matches: [{ text: `"private_key_id": "${makeExample('hex', 40)}"`, secret: makeExample('hex', 40) }],
      ignores: ['"private_key_id": "some-id"'],
    },
  },
  {
    id: 'netrc-password',
    class: 'context',
    keywords: ['machine ', 'machine\t', 'default login '],
    pattern:
      /(?:machine[ \t]{1,8}[^\s]{1,128}|default)(?<login>(?:\s{1,24}(?:login|account)[ \t]{1,8}[^\s]{1,128}){1,2})?\s{1,24}password[ \t]{1,8}(?<secret>[^\s"'\\]{4,256})/dy,
    maxLength: 800,
    accepts: (secret, groups) => isSecret(secret) && (groups['login'] !== undefined || looksChosen(secret)),
    examples: {
      matches: [
        { text: `machine api.host login me password ${value}`, secret: value },
        { text: `machine api.host\n  password ${value}\n  login me`, secret: value },
        { text: `default login anonymous password ${value}`, secret: value },
      ],
      ignores: ['the machine can login with a password that is set', 'machine learning password protection'],
    },
  },
  {
    id: 'yaml-block-scalar',
    class: 'generic',
    keywords: secretWordKeywords,
    needs: 'assignment',
    pattern: new RegExp(
      String.raw`${secretWord}${tail}["']?[ \t]{0,4}:[ \t]{1,4}[|>][+-]?\d?[ \t]{0,4}${scalarLine}(?<secret>[^\s"'\\]{6,512})` +
        [2, 3, 4].map((line) => String.raw`(?:${nextScalarLine}(?<secret${line}>[^\s"'\\]{6,512}))?`).join(''),
      'dyi',
    ),
    maxLength: 2304,
    accepts: (secret, groups) =>
      tailNamesSecret(groups['word'] ?? '', groups['tail'] ?? '') &&
      !isPlaceholder(secret) &&
      (looksRandom(secret) || (/^pass/i.test(groups['word'] ?? '') && looksChosen(secret))),
    examples: {
      matches: [
        { text: `password: |\n  ${block}\nuser: a`, secret: block },
        { text: `+apiToken: >-\n+    ${block}\n+next: 1`, secret: block },
        { text: ` password: |\n-  0ld-pass!word\n+  ${block}\n next: 1`, secret: block },
      ],
      ignores: ['token: |\n  some words of prose\n', 'password: |\n  ${PASSWORD}\n'],
    },
  },
  {
    id: 'sql-password',
    class: 'context',
    keywords: ['identified by', 'identified with', 'password '],
    pattern:
      /(?:identified (?:with [\w"'`]{1,40} )?by(?: password)?|(?<=\s)password(?: for [^\s=]{1,128}[ ]=)?)[ \t]{1,4}(?:=[ \t]{0,4})?(?:'(?<secret>[^'\r\n]{4,256})'|"(?<secret2>[^"\r\n]{4,256})")/diy,
    maxLength: 480,
    // In double quotes, an ordinary word may follow `identified by`. So such a value must look like a chosen password.
    accepts: (secret, groups) =>
      isSecret(secret) && !/\s/.test(secret) && (groups['secret2'] === undefined || looksChosen(secret)),
    examples: {
      matches: [
        { text: `CREATE USER a IDENTIFIED BY '${value}';`, secret: value },
        { text: `ALTER ROLE app WITH PASSWORD '${value}';`, secret: value },
        { text: `GRANT ALL ON *.* TO a IDENTIFIED BY "${value}";`, secret: value },
        { text: `SET PASSWORD FOR 'a'@'host' = '${value}';`, secret: value },
      ],
      ignores: [
        'all columns identified by "aOrderBy"',
        "IDENTIFIED BY 'password'",
        "the password 'is not shown here'",
        "ALTER ROLE a PASSWORD '<password>'",
      ],
    },
  },
];

/** Returns true for the value of `auth` in a Docker configuration, which is the base64 text of `user:password`. */
function isBasicAuth(secret: string): boolean {
  try {
    return /^[\x20-\x7e]{1,256}:[\x20-\x7e]{1,2048}$/.test(atob(secret));
  } catch {
    return false;
  }
}

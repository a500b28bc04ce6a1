import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import { isLookAlike, isWordy, looksRandom } from '../random-text.ts';
import type { SecretRule } from '../secret-rule.ts';

const value = makeExample('base62', 40);
const basic = 'dXNlcjp' + makeExample('base62', 20);
const session = makeExample('hex', 32);

/**
 * Source of a pattern for the text between the name of a header and its value. It matches HTTP, JSON, escaped JSON,
 * source code and tables.
 */
const separator = String.raw`(?:\\{0,3}["'\x60\]]){0,2}[ \t]{0,8}(?:=>|[=:,])[ \t]{0,8}(?:\[[ \t\r\n]{0,24})?(?:[fbr]?\\{0,3}["'\x60]){0,1}`;

const cookieName = '[!#$%&*+.^_|~0-9A-Za-z-]{1,80}';

/**
 * Returns true if the text has digits, signs or random letters as a token has, and is neither a placeholder nor a
 * look-alike nor plain words.
 */
const isToken = (secret: string): boolean =>
  (/\d|[+/=]/.test(secret) || looksRandom(secret)) &&
  !isWordy(secret) &&
  !isLookAlike(secret) &&
  !isPlaceholder(secret);

/** Rules for HTTP headers that contain credentials. */
export const headerRules: readonly SecretRule[] = [
  {
    id: 'authorization-header',
    class: 'context',
    keywords: ['authorization'],
    needs: 'assignment',
    pattern: new RegExp(
      String.raw`authorization${separator}(?:(?:Bearer|Basic|Token|Bot|ApiKey|Api-Key|Key|SSWS|Splunk|GenieKey|Negotiate|NTLM|OAuth|PRIVATE-TOKEN)(?:[ \t]{1,4}|%20|\+)(?:token=)?(?:\\{0,3}["'])?)?(?<secret>[A-Za-z0-9._~+/:%@-]{8,4096}={0,2})(?![A-Za-z0-9(\[{]|[ \t]{0,2}[A-Za-z]{2})`,
      'dyi',
    ),
    maxLength: 4300,
    minEntropy: 2.5,
    accepts: isToken,
    examples: {
      matches: [
        { text: `Authorization: Basic ${basic}==`, secret: `${basic}==` },
        { text: `authorization: token ${session}`, secret: session },
        { text: `curl -H "Authorization: ${value}" https://host`, secret: value },
        { text: `{"Authorization":"Bot ${value}"}`, secret: value },
        { text: String.raw`{\"authorization\":\"Basic ${basic}\"}`, secret: basic },
      ],
      ignores: [
        'Authorization: Bearer <token>',
        'Authorization: Bearer ${token}',
        "headers.set('authorization', `Bearer ${token}`)",
        'authorization: required',
        'Authorization: Basic',
        'The authorization: see chapter 12 of the manual',
        'authorization: readToken2(request)',
      ],
    },
  },
  {
    id: 'bearer-token',
    class: 'context',
    keywords: ['bearer'],
    pattern:
      /bearer(?:[ \t]{1,4}|%20|\+|:[ \t]{1,2}|\\{0,2}["']?[ \t]{0,2}[:,][ \t]{0,2}\\{0,2}["'])(?<secret>[A-Za-z0-9._~+/-]{12,4096}={0,2})(?![A-Za-z0-9([{])/diy,
    maxLength: 4200,
    minEntropy: 2.8,
    accepts: isToken,
    examples: {
      matches: [
        { text: `Authorization: Bearer ${value}`, secret: value },
        { text: `{"authorization":["Bearer ${session}"]}`, secret: session },
        { text: `metadata: 'authorization=Bearer%20${value}'`, secret: value },
      ],
      ignores: ['Bearer authentication', 'a bearer token-based-scheme', 'Bearer xxxxxxxxxxxxxxxx', 'Bearer {token}'],
    },
  },
  {
    id: 'api-key-header',
    class: 'context',
    keywords: [
      ...[
        'x-api-key',
        'x-api-token',
        'x-auth-token',
        'x-auth-key',
        'x-access-token',
        'x-vault-token',
        'x-functions-key',
        'x-goog-api-key',
      ],
      ...[
        'x-amz-security-token',
        'x-figma-token',
        'x-shopify-access-token',
        'x-honeycomb-team',
        'x-redmine-api-key',
        'x-admin-token',
      ],
      ...[
        'private-token',
        'job-token',
        'deploy-token',
        'dd-api-key',
        'dd-application-key',
        'ocp-apim-subscription-key',
        'api-key',
      ],
      ...[
        'x-consul-token',
        'x-nomad-token',
        'x-csrf-token',
        'x-xsrf-token',
        'x-amz-signature',
        'x-goog-signature',
        'x-pm-appkey',
      ],
    ],
    needs: 'assignment',
    pattern: new RegExp(
      String.raw`(?:x-[a-z]{2,12}(?:-[a-z]{2,16}){1,3}|(?:private|job|deploy)-token|dd-(?:api|application)-key|ocp-apim-subscription-key|api-key)${separator}(?<secret>(?:[A-Za-z0-9._~+/-]|%[0-9A-F]{2}){10,4096}={0,2})(?![A-Za-z0-9(\[{])`,
      'dyi',
    ),
    maxLength: 4200,
    minEntropy: 2.8,
    accepts: isToken,
    examples: {
      matches: [
        { text: `X-Api-Key: ${session}`, secret: session },
        { text: `curl --header "PRIVATE-TOKEN: ${value}"`, secret: value },
        { text: `"x-vault-token": "${value}"`, secret: value },
        {
          text: `https://bucket/key?X-Amz-Expires=60&X-Amz-Signature=${makeExample('hex', 64)}`,
          secret: makeExample('hex', 64),
        },
      ],
      ignores: [
        'X-Api-Key: your-api-key',
        "request.headers['x-api-key'], options1",
        'x-auth-token: $TOKEN',
        'X-Api-Key: <key>',
      ],
    },
  },
  {
    id: 'cookie-header',
    class: 'context',
    keywords: ['cookie'],
    needs: 'assignment',
    pattern: new RegExp(
      String.raw`(?<!set-)cookie(?:\\{0,3}["'])?[ \t]{0,4}[:=,][ \t]{0,4}(?:\[[ \t\r\n]{0,24})?(?:\\{0,3}["'\x60])?(?<secret>(?:${cookieName}=[^\s;,"'\x60\\]{0,2048}(?:;[ ]{0,2}|(?![^\s"'\x60\\,]))){1,40})`,
      'dyi',
    ),
    maxLength: 8192,
    accepts: (secret) => secret.split(/;\s*/).some((pair) => isCookieSecret(pair.slice(pair.indexOf('=') + 1))),
    examples: {
      matches: [
        { text: `Cookie: theme=dark; sid=${session}`, secret: session },
        { text: `{"cookie":"sessionid=${value}"}`, secret: value },
      ],
      ignores: ['Cookie: theme=dark; lang=en', 'cookie: `session=${id}`', 'cookies: 12', 'cookie=yes'],
    },
  },
  {
    id: 'set-cookie-header',
    class: 'context',
    keywords: ['set-cookie'],
    needs: 'assignment',
    // The value of the cookie is masked. The attributes after it are not.
    pattern: new RegExp(
      String.raw`set-cookie(?:\\{0,3}["'])?[ \t]{0,4}[:=,][ \t]{0,4}(?:\[[ \t\r\n]{0,24})?(?:\\{0,3}["'\x60])?${cookieName}=(?<secret>[^\s;,"'\\]{8,4096})`,
      'dyi',
    ),
    maxLength: 4300,
    accepts: isCookieSecret,
    examples: {
      matches: [
        { text: `Set-Cookie: sid=${session}; Path=/; HttpOnly`, secret: session },
        { text: `"set-cookie": ["__Host-session=${value}; Secure"]`, secret: value },
      ],
      ignores: ['Set-Cookie: sid=; Path=/; Max-Age=0', 'Set-Cookie: theme=dark-mode; Path=/'],
    },
  },
];

function isCookieSecret(value: string): boolean {
  if (value.length < 8 || isLookAlike(value)) return false;
  return (value.length >= 32 || looksRandom(value)) && !isPlaceholder(value);
}

/**
 * First words of the names of keys, such as `api` in `api_key`. A pattern joins them with `key`. Between the two words
 * there may be a blank, `-`, `_`, `.` or nothing.
 */
const keyWords = [
  ...[
    'access',
    'account',
    'admin',
    'aes',
    'api',
    'app',
    'auth',
    'cipher',
    'client',
    'consumer',
    'deploy',
    'encryption',
  ],
  ...['hmac', 'jwt', 'license', 'master', 'private', 'secret', 'service', 'session', 'shared', 'signing', 'storage'],
  ...['subscription', 'webhook', 'write'],
];

/**
 * Source of a pattern that matches one secret word (a word that names a secret), such as `password` or `api_key`. A
 * rule that uses it must ignore case.
 */
export const secretWord = `(?<word>pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|connection[_-]?string|(?:${keyWords.join('|')})[_. -]?key)`;

/** Like `secretWord`, but in upper case, for names of environment variables. It also matches `DSN` and `_PAT`. */
export const upperSecretWord = `(?<word>PASS(?:WORD|WD|PHRASE|CODE)?|PWD|SECRET|TOKEN|CREDENTIAL|CONNECTION_?STRING|DSN|_PAT|(?:${keyWords.join('|').toUpperCase()})_?KEY)`;

/**
 * `pass` is a keyword only together with the next character. Otherwise `passed`, which is frequent in logs, would
 * contain a keyword.
 */
const passwordKeywords = [
  ...['password', 'passwd', 'passphrase', 'passcode'],
  ...['=', ':', ',', '>', ' ', '"', "'", '\\', '&', ']', ')', '_', '-', '.', '+', '?', '|', '<', '*', '`', '('].map(
    (next) => `pass${next}`,
  ),
];

/** Keywords of words that both `secretWord` and `upperSecretWord` match. */
const commonKeywords = [
  ...passwordKeywords,
  'pwd',
  'secret',
  'token',
  'credential',
  'connectionstring',
  'connection_string',
];

/** Source of a pattern that matches after the first part of the name of a key, such as `api_`. */
export const keyNameBefore = `(?<=(?:${keyWords.join('|')})[_. -]?)`;

/**
 * Source of a pattern like `secretWord` for rules that also read the sign after the word. Of the names of keys it
 * matches only `key`; the first part of such a name must precede it. A rule that uses it must ignore case.
 */
export const lastWord = `(?<word>pass(?:word|wd|phrase|code)|(?<=_)pass|pwd|secret|token|credentials?|${keyNameBefore}key)`;

/** Returns keywords for `lastWord` followed by one of the texts. */
export function lastWordKeywords(texts: readonly string[]): readonly string[] {
  const words = [
    'password',
    'passwd',
    'passphrase',
    'passcode',
    'pass',
    'pwd',
    'secret',
    'token',
    'credential',
    'credentials',
    'key',
  ];
  return words.flatMap((word) => texts.map((text) => word + text));
}

/** Keywords for the words that `secretWord` matches. A keyword must have at least 3 bytes. */
export const secretWordKeywords = [
  ...[...commonKeywords, 'connection-string'],
  ...keyWords.flatMap((word) => ['', '_', '-', '.', ' '].map((separator) => `${word}${separator}key`)),
];

/** Keywords for the words that `upperSecretWord` matches. */
export const upperSecretWordKeywords = [
  ...[...commonKeywords, 'dsn', '_pat'],
  ...keyWords.flatMap((word) => [`${word}key`, `${word}_key`]),
];

/**
 * If one of these words follows the secret word in a name (such as `tokenCount`), the value describes a secret and does
 * not contain it.
 */
const describing = new Set(
  (
    'age alg algorithm arn at attempt attempts audience auth available back budget by char characters class cleared code column ' +
    'config configured cost count counter created date days default detected digest dir directory disabled doc docs email enabled ' +
    'encoding endpoint entropy env error errors exists expiration expired expires expiry failed field file filename ' +
    'fingerprint folder format found func function generated generator handler hash hashed header help hint host id ids in ' +
    'index info input invalid is issued issuer kind label last leaked length len level lifetime limit link list location ' +
    'manager masked max message method min missing mode model name names needed needs not of offset only option optional ' +
    'parser path pattern per placeholder policy port position prefix prompt protected provider ref regex region required ' +
    'reset retry revoked role rotation rule rules salt scan scanner schema scope scopes score service set sha sha1 sha256 ' +
    'size source start state status store strength suffix temp template test tests text threshold time timeout title ' +
    'to ttl type types unit updated uri url usage used user username valid validation validator var version window with'
  ).split(' '),
);

/** Texts that may follow a secret word without a separator, as in `secretkey` and `tokens`. */
const joined =
  /^(?:s|es|key|keys|accesskey|value|token|secret|string|data|prod|dev|test|hex|base64|b64|db|raw)(?![a-z])/i;

/** Matches the end of a file name, as in lists of files with their digests. */
const fileName = /\.(?:[cm]?[jt]sx?|json|md|py|go|rs|java|rb|php|c|h|cc|cpp|css|html|ya?ml|toml|txt|sh|sql|lock|map)$/;

/**
 * Returns true if the value of a name is a secret. `word` is the part of the name that `secretWord` matched, and `tail`
 * is the rest of the name.
 */
export function tailNamesSecret(word: string, tail: string): boolean {
  if (tail === '') return true;
  if (fileName.test(tail)) return false;
  const isJoined = /[A-Z]$/.test(word) ? /^[A-Z]/.test(tail) && !/^[A-Z][a-z]/.test(tail) : /^[a-z]/.test(tail);
  if (isJoined && !joined.test(tail)) return false;
  const words = tail
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return !words.some((part) => describing.has(part));
}

/** Returns true if a word names a password. People choose passwords, so these look less random than generated keys. */
export function namesPassword(word: string): boolean {
  return /^(?:pass|pwd)/i.test(word);
}

const secretWords = new RegExp(secretWord, 'gi');

/**
 * Returns true if a number that is the value of this name is a secret, such as `password` and `pinToken`. Names such as
 * `max_tokens` count something.
 */
export function namesSecretNumber(name: string): boolean {
  if (/tokens/i.test(name)) return false;
  const last = [...name.matchAll(secretWords)].at(-1);
  return last !== undefined && tailNamesSecret(last[0], name.slice(last.index + last[0].length));
}

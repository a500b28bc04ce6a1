/**
 * Words that occur in placeholders, such as `your` and `changeme`. A value that consists only of these words and short
 * numbers is a placeholder.
 */
const markers =
  /^(?:your|my|our|some|any|the|this|a|an|insert|enter|put|add|set|replace|change|changeme|changeit|here|me|it|with|example|examples|sample|demo|dummy|fake|mock|test|testing|tests|foo|bar|baz|qux|foobar|abc|xyz|placeholder|todo|tbd|fixme|redacted|masked|hidden|removed|censored|omitted|encrypted|filtered|attribute|secret|secrets|password|passwd|passphrase|pass|pwd|token|tokens|key|keys|apikey|api|access|auth|credential|credentials|client|user|username|usr|admin|root|guest|default|value|string|name|id|none|null|nil|undefined|true|false|yes|no|on|off|empty|unset|unknown|invalid|valid|wrong|bad|good|real|actual|new|old|hello|world|local|localhost|dev|development|prod|production|staging|public|private|super|postgres|mysql|mariadb|mongo|redis|rabbitmq|minio|sa|x|xx|xxx|xxxx|abcd|abcdef|qwerty|fill|in|not|do|commit|use|from|see|get|generate|generated|random|long|strong|please|own|type|paste|must|be|and|or|of|for|to|is|variable|config|env|vault|file|text|only|ref|never|always|required|optional|enabled|disabled|reject|prompt|auto|manual|number|boolean|object)$/;

const wholePlaceholders = [
  /^[^A-Za-z0-9]{0,512}$/,
  /^<[^<>]{0,128}>$/,
  // Encrypted values, and references to stored secrets, in the formats of SOPS, Vault, Spring and Jasypt.
  /^(?:ENC[[(]|vault:v?\d?|\{cipher\}|op:\/\/|ref\+|@Microsoft\.KeyVault|projects\/|secret(?:smanager)?:|ssm:)/,
  /^\[[^[\]]{0,128}\]$/,
  /^\{{1,3}[^{}]{0,128}\}{1,3}$/,
  /^\$\{{1,2}[^{}]{0,256}\}{0,2}$/,
  /^\$(?:[A-Z_][A-Z0-9_]{0,64}|\d)$/,
  /^\$[A-Za-z_]{1,64}(?:-|(?:(?:->|::|\.)[A-Za-z_]{1,64}){0,4})$/,
  /^\$\([^()]{0,256}\)?$/,
  /^#\{[^{}]{0,128}\}$/,
  /^%[A-Za-z_][A-Za-z0-9_]{0,64}%$/,
  /^%[-+#0-9.]{0,8}[a-zA-Z]$/,
  /^%\([^()]{0,64}\)[a-z]$/,
  /^@[A-Za-z_]\w{0,64}@$/,
  /^[@:][a-z_]{1,64}$/,
  /^<%[^%]{0,128}%>$/,
  /^%\{[^{}]{0,128}\}$/,
  /^\([^()]{0,64}\)$/,
  /^\$env:/i,
  /^!(?:Ref|Sub|GetAtt|vault|secret)\b/,
  /^(?:process\.env|os\.environ|env\b|getenv)[.:([]/i,
  /^__[A-Za-z0-9_]{1,64}__$/,
  /^[&*][a-z_-]{1,64}$/,
];

/** Matches the beginning of every text that a pattern of `wholePlaceholders` matches. */
const wholeStart = /^(?:$|[^A-Za-z0-9]|[eopsrvg])/i;

/**
 * Matches an abbreviated secret. Three dots, or the character `…`, replace the omitted part. In UTF-8, `…` has three
 * bytes, of which 0x80 may be decoded as U+20AC.
 */
const abbreviated = /\.{3}|\xe2[\x80\u20ac]\xa6/;

const template =
  /\$\{[^{}]{0,128}\}|\{\{[^{}]{0,128}\}\}|<[^<>]{1,64}>|&lt;[^&]{0,64}(?:&gt;)?|\$\([^()]{0,128}\)|%[sd]/g;
/** A template (a text with variables) may contain a secret if it has at least this many other characters. */
const secretBesideTemplate = 8;

/**
 * If a text contains one of these words, the whole text is a placeholder. The words are so long that random text does
 * not contain them by chance.
 */
const telltale =
  /example|placeholder|changeme|change[_-]me|your[_-]|yourtoken|yourapi|yourkey|yoursecret|yourpass|redacted|dummykey|dummytoken|insert[_-]|replace[_-]|replaceme|fill[_-]me|do[_-]not[_-]|not[_-]a[_-]real|notareal|notreal/i;

const repeated = /([A-Za-z0-9*.#?])\1{6}/;

/**
 * Returns true if `text` is a placeholder and not a secret: a variable, a template, a text in brackets, an abbreviated
 * text, repeated characters, or words such as `your-token-here` and `changeme`. `***MASKED***` is a placeholder too. A
 * variable or a pair of brackets must be nearly the whole text, because a secret may begin or end with any characters.
 */
export function isPlaceholder(text: string): boolean {
  const trimmed = text.trim();
  return (
    abbreviated.test(trimmed) ||
    isTemplate(trimmed) ||
    (wholeStart.test(trimmed) && wholePlaceholders.some((pattern) => pattern.test(trimmed))) ||
    repeated.test(trimmed) ||
    telltale.test(trimmed) ||
    isRepetition(trimmed) ||
    isPlaceholderWords(trimmed)
  );
}

/**
 * Returns true for a single word of placeholders, such as `postgres`, and for a template variable. They also occur in
 * ordinary text, so they are no known values.
 */
export function isCommonWord(text: string): boolean {
  return markers.test(text.toLowerCase()) || /^(?:\$\{[^{}]{1,128}\}|<[^<>]{1,128}>|\*{1,64})$/.test(text);
}

/** Returns true if the text has template variables, and otherwise only a few characters or placeholder words. */
function isTemplate(text: string): boolean {
  if (!/[${<&%]/.test(text)) return false;
  const rest = text.replaceAll(template, '');
  return rest !== text && (rest.length < secretBesideTemplate || isPlaceholderWords(rest));
}

/** Returns true for a text that has at most two different characters, such as `xxxx-xxxx` and `abababab`. */
function isRepetition(text: string): boolean {
  const seen = new Set<string>();
  for (const character of text.toLowerCase()) if (seen.add(character).size > 2) return false;
  return true;
}

/** Returns true if every word of the text is in `markers` or is a number. Up to three digits may follow a word. */
function isPlaceholderWords(text: string): boolean {
  // No word in `markers` has a letter after a digit, or four digits in a row. Nearly all secrets have such words.
  if (text.length > 128 || /\d(?:[A-Za-z]|\d{3})/.test(text)) return false;
  const words = text
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  return words.every((word) => markers.test(word.replace(/\d{1,3}$/, '')) || /^\d{1,3}$/.test(word));
}

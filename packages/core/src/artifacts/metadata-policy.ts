import type { FieldError } from '../app-error.ts';
import { signedUrlIn } from './signed-url.ts';

/**
 * Words, in lower case, that name a secret in a key. The metadata of a record must not have such a key at any depth.
 */
const secretKeys = [
  ['secret'],
  ['secrets'],
  ['token'],
  ['password'],
  ['passwords'],
  ['passwd'],
  ['credential'],
  ['credentials'],
  ['cookie'],
  ['cookies'],
  ['authorization'],
  ['bearer'],
  ['api', 'key'],
  ['api', 'keys'],
  ['private', 'key'],
  ['private', 'keys'],
  ['access', 'key'],
  ['access', 'keys'],
  ['signed', 'url'],
  ['signed', 'urls'],
  ['session', 'id'],
  ['session', 'ids'],
];
/** Names that people often write as one word in lower case, so they cannot be divided into words. */
const joinedKeys =
  /^(?:(?:access|api|auth|id|refresh|session)token|(?:api|access|private|secret)keys?|clientsecret|signedurls?|sessionids?)$/;
/**
 * A key whose last word is one of these is allowed. It describes a secret and does not contain it, as `tokenCount`
 * does.
 */
const describingWords = ['count', 'type', 'name', 'limit'];

const longestKeyShown = 80;

/**
 * Returns the first violation of the storage policy in the metadata of a record, or undefined. These are violations at
 * any depth: a key that names a secret, a key or value that contains a secret, a signed URL, and a URL that contains a
 * script or bytes. The path in the result begins with `metadata` and never contains a secret. `ruleOf` returns the id
 * of the masking rule that finds a secret in a text.
 */
export function metadataViolation(
  metadata: Readonly<Record<string, unknown>>,
  ruleOf: (text: string) => string | undefined,
): FieldError | undefined {
  return violationIn(metadata, 'metadata', ruleOf);
}

type RuleOf = (text: string) => string | undefined;

function violationIn(value: unknown, path: string, ruleOf: RuleOf): FieldError | undefined {
  if (typeof value === 'string') {
    const message = valueObjection(value, ruleOf);
    return message === undefined ? undefined : { path, message };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const isKeySecret = !Array.isArray(value) && valueObjection(key, ruleOf) !== undefined;
    const at = `${path}.${isKeySecret ? '…' : key.slice(0, longestKeyShown)}`;
    if (isKeySecret) return { path: at, message: 'has a key that contains a secret' };
    if (!Array.isArray(value) && namesSecret(key)) return { path: at, message: 'has a key that names a secret' };
    const violation = violationIn(item, at, ruleOf) ?? pairViolation(key, item, at, ruleOf);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function valueObjection(text: string, ruleOf: RuleOf): string | undefined {
  const rule = ruleOf(text);
  if (rule !== undefined) return `contains a secret (${rule})`;
  const reason = signedUrlIn(text);
  if (reason !== undefined) return `contains a URL with ${reason}`;
  return embedding.test(text.replace(/[\t\r\n]/g, '')) ? 'is a URL that contains its content' : undefined;
}

/**
 * Matches a URL that contains a script or the bytes of a document. Browsers ignore control characters before the
 * scheme.
 */
const embedding = /^[\s\p{Cc}]*(?:javascript:\S|vbscript:\S|data:[^\s,]*,)/iu;

/** Checks a key together with its value, because some rules need both to recognize a secret. */
function pairViolation(key: string, value: unknown, path: string, ruleOf: RuleOf): FieldError | undefined {
  if (typeof value !== 'string') return undefined;
  const rule = ruleOf(JSON.stringify({ [key]: value }));
  return rule === undefined ? undefined : { path, message: `contains a secret (${rule})` };
}

function namesSecret(key: string): boolean {
  const words = wordsOf(key);
  if (describingWords.includes(words.at(-1) ?? '')) return false;
  if (words.some((word) => joinedKeys.test(word))) return true;
  return secretKeys.some((names) => words.some((_, at) => names.every((name, offset) => words[at + offset] === name)));
}

/** Splits a key in camel, snake or kebab case into words in lower case. */
function wordsOf(key: string): string[] {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

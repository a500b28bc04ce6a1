import { makeExample } from './make-example.ts';
import type { ExampleAlphabet } from './make-example.ts';
import { isPlaceholder } from './placeholder-words.ts';
import { isWordy } from './random-text.ts';
import type { SecretExamples, SecretRule } from './secret-rule.ts';

/** A sequence of `min` to `max` characters of one alphabet. */
interface CharacterRun {
  readonly alphabet: ExampleAlphabet;
  readonly min: number;
  readonly max: number;
}

/** A part of a token format: a literal text, a choice of literal texts, or a sequence of characters. */
type FormatPart = string | readonly string[] | CharacterRun;

/**
 * The parts of a token format. The first part must be a literal text, because the keyword of the rule is taken from it.
 */
export type TokenFormat = readonly [string | readonly string[], ...FormatPart[]];

interface TokenOptions {
  /** False if a letter or digit may precede the token. Default: true if a first part has fewer than 5 characters. */
  readonly isWord?: boolean;
  /** Keywords of the rule. Default: those that are derived from the first part. */
  readonly keywords?: readonly string[];
  readonly minEntropy?: number;
  readonly confirms?: (secret: string) => boolean;
  /** Examples of the rule. Default: those that are derived from the format. */
  readonly examples?: SecretExamples;
}

const classes: Readonly<Record<ExampleAlphabet, string>> = {
  hex: 'a-f0-9',
  upperHex: 'A-F0-9',
  digits: '0-9',
  lower: 'a-z0-9',
  upper: 'A-Z0-9',
  letters: 'A-Za-z',
  base32: 'A-Z2-7',
  base62: 'A-Za-z0-9',
  base64: 'A-Za-z0-9+/',
  base64url: 'A-Za-z0-9_\\-',
};

const run =
  (alphabet: ExampleAlphabet) =>
  (min: number, max = min): CharacterRun => ({ alphabet, min, max });

export const hex = run('hex');
export const upperHex = run('upperHex');
export const digits = run('digits');
export const base32 = run('base32');
export const lower = run('lower');
export const upper = run('upper');
export const letters = run('letters');
export const base62 = run('base62');
export const base64 = run('base64');
export const base64url = run('base64url');

/** The parts of a UUID in lower case, as in RFC 9562 section 4. */
export const uuid = [hex(8), '-', hex(4), '-', hex(4), '-', hex(4), '-', hex(12)];

/**
 * Source of a pattern for the escape character: as a byte, or as it is written in JSON, JavaScript, the shell and
 * terminals.
 */
export const escapeCharacter = String.raw`(?:\x1b|\\(?:x1[bB]|u001[bB]|e|033)|\^\[)`;

/**
 * Source of a pattern for escape sequences that end with a letter or a digit, each of at most 36 characters. They occur
 * in strings (`\n`, `\x3d`, `\u003d`), in URLs (`%3D`, `%253D`), in mails (`=3D`), and as control sequences of
 * terminals. Sequences for colours also match without their escape character, because some programs remove it.
 */
const escapeSequences = [
  String.raw`\\(?:[abefnrtv0]|[0-7]{3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})`,
  '%(?:25){0,3}[0-9A-Fa-f]{2}',
  '=3D',
  String.raw`${escapeCharacter}\[[0-?]{0,24}[ -/]{0,2}[@-~]`,
  String.raw`${escapeCharacter}[ -/]{1,2}[0-~]`,
  String.raw`\[[0-9;]{1,24}m`,
].join('|');

/** Source of a pattern that matches directly after an escape sequence. */
export const escapeBefore = `(?<=${escapeSequences})`;

/**
 * Source of a pattern that matches at the beginning of a word. A token with a short prefix must begin there. A word
 * also begins after an escape sequence, and after an option of one letter (`-p`). No word begins directly after a
 * placeholder, because none began after the secret that it replaces.
 */
export const wordStart = String.raw`(?<![A-Za-z0-9]|ASKED\*\*\*)|(?<=${escapeSequences}|(?:^|[^A-Za-z0-9_-])-[A-Za-z])`;

/**
 * Returns the rule for one token format. The pattern, the keywords, the length and the examples are derived from the
 * parts of the format.
 */
export function tokenRule(id: string, format: TokenFormat, options: TokenOptions = {}): SecretRule {
  const firsts = alternatives(format[0]);
  const isWord = options.isWord ?? firsts.some((first) => first.length < 5);
  const last = format.at(-1);
  const source = format.map(partSource).join('');
  const end = typeof last === 'object' && 'alphabet' in last ? `(?![${classes[last.alphabet]}])` : '';
  return {
    id,
    class: 'structured',
    keywords: options.keywords ?? [...new Set(firsts.map(keywordOf))],
    ...(firsts.every((first) => /^[A-Z]/.test(first)) ? { case: 'upper' } : {}),
    ...(isWord ? { start: 'word' } : {}),
    pattern: new RegExp(`${isWord ? `(?:${wordStart})` : ''}${source}${isWord ? end : ''}`, 'dy'),
    maxLength: format.reduce((length, part) => length + longest(part), 1),
    minEntropy: options.minEntropy ?? 3,
    accepts: (secret) => !isWordy(secret) && !isPlaceholder(secret),
    ...(options.confirms === undefined ? {} : { confirms: options.confirms }),
    examples: options.examples ?? examplesOf(format),
  };
}

function alternatives(part: string | readonly string[]): readonly string[] {
  return typeof part === 'string' ? [part] : part;
}

/**
 * Returns the keyword of a token rule. `text` is the literal text at the beginning of its tokens. The keyword ends
 * before the first slash of `text`, because JSON may contain the slash as `\/`.
 */
function keywordOf(text: string): string {
  const start = text.split('/')[0] ?? '';
  return (start.length < 3 ? text : start).toLowerCase();
}

function partSource(part: FormatPart): string {
  if (typeof part === 'object' && 'alphabet' in part) return `[${classes[part.alphabet]}]{${part.min},${part.max}}`;
  const texts = alternatives(part).map((text) => text.replaceAll(/[.$^*+?()|[\]{}\\]/g, String.raw`\$&`));
  const sources = texts.map((text) => text.replaceAll('/', String.raw`(?:\\{0,2}/|%2F)`));
  return sources.length === 1 ? sources.join('') : `(?:${sources.join('|')})`;
}

/** Returns the largest length of a part. A slash counts as three characters, because it may be escaped. */
function longest(part: FormatPart): number {
  if (typeof part === 'object' && 'alphabet' in part) return part.max;
  return Math.max(...alternatives(part).map((text) => text.length + 2 * (text.split('/').length - 1)));
}

function examplesOf(format: TokenFormat): SecretExamples {
  const [first, ...rest] = format;
  const bodies = [1, 2].map((seed) => rest.map((part, index) => sampleOf(part, seed * 31 + index)).join(''));
  const secrets = alternatives(first).flatMap((start) => bodies.map((body) => start + body));
  const start = alternatives(first)[0] ?? '';
  return {
    matches: secrets.map((secret, index) => ({ text: surround(secret, index), secret })),
    ignores: [`${start}${bodies[0]?.slice(0, 4) ?? ''}`, start + rest.map(repeatedOf).join(''), `${start}...`],
  };
}

/** Puts the token into a context, such as a JSON string. Successive examples use the contexts in turn. */
function surround(token: string, index: number): string {
  const contexts = [
    `value: "${token}",`,
    String.raw`{\"a\":\"b\\n${token}\"}`,
    `<item>${token}</item>`,
    `('x', '${token}', 1);`,
    `name,${token},2026`,
    `?a=${token}&b=1`,
    `# ${token}`,
    token,
  ];
  return contexts[index % contexts.length] ?? token;
}

function sampleOf(part: FormatPart, seed: number): string {
  if (typeof part === 'object' && 'alphabet' in part) return makeExample(part.alphabet, part.min, seed);
  return alternatives(part)[0] ?? '';
}

/**
 * Returns a part without random content: a literal text stays unchanged, and a sequence becomes one repeated character.
 * All these parts together are no secret.
 */
function repeatedOf(part: FormatPart): string {
  if (typeof part !== 'object' || !('alphabet' in part)) return alternatives(part)[0] ?? '';
  return (/[xX0]/.exec(makeExample(part.alphabet, 200))?.[0] ?? '0').repeat(part.min);
}

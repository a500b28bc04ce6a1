import { makeExample } from './make-example.ts';
import type { ExampleAlphabet } from './make-example.ts';
import { isPlaceholder } from './placeholder-words.ts';
import { isWordy } from './random-text.ts';
import type { SecretExamples, SecretRule } from './secret-rule.ts';

/** `min` to `max` characters of one alphabet. */
interface CharacterRun {
  readonly alphabet: ExampleAlphabet;
  readonly min: number;
  readonly max: number;
}

/** A literal text, one of several literal texts, or a run of characters. */
type FormatPart = string | readonly string[] | CharacterRun;

/** The first part of a format begins with its keyword, so it is a literal text. */
export type TokenFormat = readonly [string | readonly string[], ...FormatPart[]];

interface TokenOptions {
  /** False if letters and digits may stand directly before the token. Default: true for first parts under 5 characters. */
  readonly isWord?: boolean;
  /** Replace the keywords that are made from the first part. */
  readonly keywords?: readonly string[];
  readonly minEntropy?: number;
  readonly confirms?: (secret: string) => boolean;
  /** Replace the examples that are made from the format. */
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

/** The escape character as a byte, and as JSON, JavaScript, the shell and terminals write it. */
const escapeCharacter = String.raw`(?:\x1b|\\(?:x1[bB]|u001[bB]|e|033)|\^\[)`;

/**
 * Escape sequences that end with a letter or a digit, at most 36 characters each: of strings (`\n`, `\x3d`, `\u003d`), of
 * URLs (`%3D`, `%253D`), of mails (`=3D`), and the control sequences of terminals. Colours may have lost their escape
 * character.
 */
const escapeSequences = [
  String.raw`\\(?:[abefnrtv0]|[0-7]{3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})`,
  '%(?:25){0,3}[0-9A-Fa-f]{2}',
  '=3D',
  String.raw`${escapeCharacter}\[[0-?]{0,24}[ -/]{0,2}[@-~]`,
  String.raw`${escapeCharacter}[ -/]{1,2}[0-~]`,
  String.raw`\[[0-9;]{1,24}m`,
].join('|');

/** An escape sequence stands directly before this position. */
export const escapeBefore = `(?<=${escapeSequences})`;

/**
 * The text before a short prefix must end a word. Letters that belong to an escape sequence or to an option of one letter
 * (`-p`) end one too. The placeholder does not end one, because the secret in its place did not.
 */
export const wordStart = String.raw`(?<![A-Za-z0-9]|ASKED\*\*\*)|(?<=${escapeSequences}|(?:^|[^A-Za-z0-9_-])-[A-Za-z])`;

/** One token format as a rule. Pattern, keywords, length and examples follow from the parts of the format. */
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

/** Slashes may be escaped in JSON, so a keyword ends before the first one. */
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

/** A slash is counted three times, because it may be escaped. */
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

/** The contexts that the examples of tokens stand in, one after the other. */
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

/** The shape of a format without any content. */
function repeatedOf(part: FormatPart): string {
  if (typeof part !== 'object' || !('alphabet' in part)) return alternatives(part)[0] ?? '';
  return (/[xX0]/.exec(makeExample(part.alphabet, 200))?.[0] ?? '0').repeat(part.min);
}

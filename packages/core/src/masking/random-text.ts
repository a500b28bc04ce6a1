import { shannonEntropy } from './shannon-entropy.ts';

const isUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Patterns of texts that look like secrets but are none. */
const lookAlikes = [
  // Digests with the name of their algorithm, as in lock files, image names and Subresource Integrity.
  /^(?:md5|sha-?\d{1,3}|blake2[bs]?|h1|crc32c?)[-:=_][A-Za-z0-9+/=_-]{8,200}$/i,
  // Dates, times and versions.
  /^v?\d{1,4}(?:[.:/_-]\d{1,4}){1,6}(?:[.+TtZz-][\w.+:-]{0,40})?$/,
  // Numbers with a unit.
  /^[-+]?\d[\d.,_]{0,30}[A-Za-z%]{0,10}$/,
  // Windows paths.
  /^[A-Za-z]:\\/,
  // URLs and mail addresses. The rules for URLs find the passwords in them.
  /^[a-z][a-z0-9+.-]{1,20}:\/\//i,
  /^(?:mailto:)?[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{2,64}){1,4}$/,
  /^(?:arn:[a-z-]{3,12}|urn:[a-z]{2,32}):/,
  // Names of language models, with their version.
  /^(?:gpt|o\d|claude|gemini|gemma|llama|mistral|mixtral|codestral|qwen|deepseek|grok|text-embedding)[\d.]{0,6}-[a-z0-9.:-]{1,60}$/,
  // Numbers in hexadecimal, and addresses of 20 bytes.
  /^0x(?:[0-9a-f]{1,16}(?:,.{0,16})?|[0-9a-f]{40})$/i,
  // Keys of issues, such as `PROJ-1234`, names of SSH keys, and container images.
  /^[A-Z]{2,10}-\d{1,6}$/,
  /^id_[a-z0-9]{3,10}$/,
  /^[a-z0-9-]{2,40}(?:\.[a-z0-9-]{2,40}){1,3}(?::\d{2,5})?(?:\/[\w.-]{1,64}){1,4}(?::[\w.-]{1,64})?$/,
  // Names that Kubernetes generates: words and a random suffix.
  /^[a-z]{2,40}(?:-[a-z]{2,40}){1,8}-[bcdfghjklmnpqrstvwxz2456789]{5}$/,
  /^#[0-9a-f]{3,8}$/i,
  /^data:/i,
  // Regular expressions.
  /\[\^?[A-Za-z0-9]-[A-Za-z0-9]/,
  /^\/[^\s]{1,200}\/[dgimsuvy]{1,6}$/,
  /^[A-Za-z_$]?[\w$.]{0,80}\(/,
  /^\/\^/,
  // File name patterns, casts, names with a scope, and chains of assignments in source code.
  /^\*\.[a-z]{1,10}$/,
  /^\*\(/,
  /^:[A-Za-z_]{1,64}:?$/,
  /^[A-Za-z_$][\w$]{0,60}(?:\.[A-Za-z_$][\w$]{0,60}){1,8}=/,
  // Method calls and member accesses in source code.
  /^[A-Za-z_$][\w$]{0,60}(?:(?:\.|->|::|\?\.)[A-Za-z_$#][\w$]{0,60}){1,8}$/,
];

const paths = [
  /^(?:~|\.{1,2})?\/[\w.~-]{1,100}(?:\/[\w.~@:+-]{0,100}){0,20}$/,
  /^[\w.-]{1,64}\/[\w.-]{1,64}(?:\/[\w.-]{1,64}){0,8}\.[a-z]{1,5}(?::\d{1,6}){0,2}$/,
  /^(?:[a-z0-9_.@-]{1,40}\/){1,10}[a-z0-9_.@-]{0,60}(?::\d{1,6}){0,2}$/,
];

/**
 * Returns true for the path of a file. Base64 text has slashes too, but it has letters of both cases and often
 * alternates between letters and digits.
 */
function isPath(text: string): boolean {
  return paths.some((pattern) => pattern.test(text)) && !(hasMixedCharacters(text) && digitChanges(text) >= 3);
}

/**
 * Returns true for a text that looks like a secret but is none: a digest with the name of its algorithm, a UUID, a
 * date, a version, a path, a URL, or an expression of source code.
 */
export function isLookAlike(text: string): boolean {
  return isUuid.test(text) || isPath(text) || lookAlikes.some((pattern) => pattern.test(text));
}

/**
 * Returns true if the text has upper-case letters, lower-case letters and digits. Nearly every random base64 text has
 * all three.
 */
export function hasMixedCharacters(text: string): boolean {
  return /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text);
}

/**
 * Returns true for words that are separated by signs, such as `my-worker-token-01`. Each word has only one case, or
 * begins with a capital. Some parts may be numbers of up to 3 digits.
 */
export function isWordy(text: string): boolean {
  const parts = text.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
  return (
    parts.length >= 2 &&
    parts.every((part) => /^(?:[A-Z]?[a-z]{1,24}|[A-Z]{1,24}|\d{1,3}|[a-z]{2,24}\d{1,3}(?:[a-z]{2,24})?)$/.test(part))
  );
}

/**
 * Returns how often a letter is beside a digit. In random text this is frequent. Names such as `sha256` have one or two
 * such places.
 */
function digitChanges(text: string): number {
  let changes = 0;
  let before = 0;
  for (let index = 0; index < text.length; index++) {
    const kind = kindOf(text.charCodeAt(index));
    if (before !== 0 && kind !== 0 && kind !== before) changes++;
    before = kind;
  }
  return changes;
}

/** Returns 1 for a digit, 2 for a letter, and 0 for any other character. */
function kindOf(code: number): 0 | 1 | 2 {
  if (code >= 0x30 && code <= 0x39) return 1;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x7a && code < 0x80 ? 2 : 0;
}

/** Returns how many kinds of characters the text has. The kinds are upper case, lower case, digits and other characters. */
function characterKinds(text: string): number {
  return [/[A-Z]/, /[a-z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(text)).length;
}

/**
 * Returns true for a pass phrase such as `c0rrect-Horse!9`: letters of both cases, digits, and a sign that names and
 * versions do not contain.
 */
function isPassPhrase(text: string): boolean {
  return (
    text.length >= 10 &&
    hasMixedCharacters(text) &&
    /[!@#^*~]/.test(text) &&
    /^[!-~]+$/.test(text) &&
    shannonEntropy(text) >= 3
  );
}

/** The most frequent pairs of letters in English text and in names of programs. */
const frequentPairs = new Set(
  (
    'th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ' +
    'ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie ' +
    'wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab ' +
    'ty op sa ay ex ke av ag ap od do uc bu ov ep oc ef cu sc ey va up ck'
  ).split(' '),
);

/**
 * Returns true for at least 16 letters and digits that contain few frequent pairs of letters. Words contain many of
 * these pairs.
 */
function hasRandomLetters(text: string): boolean {
  if (!/^[A-Za-z0-9]{16,256}={0,2}$/.test(text) || !/[A-Z]/.test(text) || !/[a-z]/.test(text)) return false;
  const folded = text.toLowerCase();
  let [pairs, frequent] = [0, 0];
  for (let at = 1; at < folded.length; at += 1) {
    if (kindOf(folded.charCodeAt(at - 1)) !== 2 || kindOf(folded.charCodeAt(at)) !== 2) continue;
    pairs += 1;
    if (frequentPairs.has(folded.slice(at - 1, at + 1))) frequent += 1;
  }
  return pairs >= 8 && frequent / pairs < 0.43;
}

/**
 * Returns true if the text looks generated at random. Such a text has letters and digits and repeats few characters. It
 * often alternates between letters and digits, or it has many kinds of characters, or it ends with a number of at least
 * 4 digits. Pass phrases with signs, and letters that form no words, look random too.
 */
export function looksRandom(text: string): boolean {
  if (text.length < 8 || !/[A-Za-z]/.test(text)) return false;
  if (!/\d/.test(text)) return hasRandomLetters(text);
  if (isLookAlike(text)) return false;
  if (isPassPhrase(text)) return true;
  if (isWordy(text)) return false;
  const entropy = shannonEntropy(text);
  if (entropy < (text.length < 12 ? 2.5 : 3)) return false;
  return (
    digitChanges(text) >= 3 ||
    isNumberedSlug(text) ||
    hasRandomLetters(text) ||
    (entropy >= 3.6 && characterKinds(text) >= 3 && !isCompoundName(text))
  );
}

/**
 * Returns true for names such as `expectedMD5Message`. A name has at least two words with at least 4 letters on
 * average. It has at most two numbers, each of at most 3 digits.
 */
export function isCompoundName(text: string): boolean {
  if (!/^[\w$.-]+$/.test(text)) return false;
  const words = text.match(/[A-Z]?[a-z]+|[A-Z]{2,}/g) ?? [];
  const numbers = text.match(/\d+/g) ?? [];
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  return (
    words.length >= 2 &&
    letters / words.length >= 4 &&
    numbers.length <= 2 &&
    numbers.every((number) => number.length <= 3)
  );
}

/** Returns true for words followed by a number of at least 4 digits other than a year, such as `secret-token-12345`. */
function isNumberedSlug(text: string): boolean {
  return (
    !/(?<!\d)(?:19|20)\d{2}$/.test(text) && /^[A-Za-z]{2,40}(?:[-_.][A-Za-z]{2,40}){0,6}[-_.]?\d{4,20}$/.test(text)
  );
}

/**
 * Returns true if a person may have chosen the text as a password. Returns false for a single word and for an
 * expression of source code.
 */
export function looksChosen(text: string): boolean {
  if (text.length < 6 || isLookAlike(text) || isWordy(text)) return false;
  const letters = /[A-Za-z]/.test(text);
  const others = /[^A-Za-z0-9_.-]/.test(text);
  return (letters && /\d/.test(text)) || (letters && others) || (others && /\d/.test(text));
}

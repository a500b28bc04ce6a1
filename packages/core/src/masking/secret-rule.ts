import { maskPlaceholder } from './mask-placeholder.ts';
import { shannonEntropy } from './shannon-entropy.ts';

/**
 * How a secret is recognized. `structured`: by a format that its issuer documents. `context`: by its surroundings, such
 * as a header, or a URL with a password. `generic`: by the name to which it is assigned, if its characters also look
 * random.
 */
export type SecretClass = 'structured' | 'context' | 'generic';

/** The named groups of a match. A group that did not match has the value undefined. */
export type SecretGroups = Readonly<Record<string, string | undefined>>;

/**
 * One row of the table of secret formats. The scanner has no code for single rules, so fields of the row contain
 * everything in which rules differ.
 */
export interface SecretRule {
  /** Unique id in kebab case. Receipts and findings contain it. */
  readonly id: string;
  readonly class: SecretClass;
  /**
   * Texts at which `pattern` is run. Each is ASCII in lower case with at least 3 bytes, and is compared without case. A
   * match begins at the first byte of a keyword. So `pattern` must be able to match at each keyword.
   */
  readonly keywords: readonly string[];
  /**
   * If present, `pattern` runs only if one of `=`, `:`, `>`, `,` and `|` is among the 32 bytes after the keyword. This
   * test is faster than the pattern. Each operator that the pattern accepts must contain one of these signs. Otherwise
   * masking the value could change the result of the test.
   */
  readonly needs?: 'assignment';
  /**
   * `upper` means that `pattern` never matches at a lower-case letter. The scanner then does not run it at keywords
   * that begin with such a letter.
   */
  readonly case?: 'upper';
  /**
   * `word` means that `pattern` begins with `wordStart`. The scanner then does not run it at most keywords in the
   * middle of a word.
   */
  readonly start?: 'word';
  /**
   * Pattern of the secret. It must have the flags `d` and `y`, and runs at the first byte of a keyword. The text has
   * one character for each byte: bytes below 0x80 are ASCII, other bytes are decoded as windows-1252, which TextDecoder
   * uses for `latin1`. The groups `secret`, `secret2`, `secret3` and `secret4` are masked. If there is no group
   * `secret`, the whole match is masked. Every quantifier must be bounded. A lookbehind may read at most 40 characters.
   */
  readonly pattern: RegExp;
  /**
   * Number of bytes directly before the keyword that belong to the secret, because the keyword is not its beginning. A
   * lookbehind of `pattern` must require them, and they must be letters, digits or signs of `_~.-`.
   */
  readonly lead?: number;
  /** Largest length of a match in bytes, including lookaheads. At most 65,536. */
  readonly maxLength: number;
  /** Smallest Shannon entropy of a secret, in bits per character. */
  readonly minEntropy?: number;
  /**
   * Returns false for a text that matches and is still no secret, such as a placeholder. Called for each group
   * separately.
   */
  readonly accepts?: (secret: string, groups: SecretGroups) => boolean;
  /** A stricter test for the policy `reject`, such as a checksum. Called only after `accepts` has returned true. */
  readonly confirms?: (secret: string) => boolean;
  /** The body of a secret that is too long for one pattern. The body begins where the match of `pattern` ended. */
  readonly block?: SecretBlock;
  /**
   * Present if `pattern` matches the header of a table. Returns the reader of the rows, which begin where the match
   * ended. Returns undefined if no column contains a secret. `before` is the text before the header on the same line,
   * or undefined if it is long. `accepts` is called for each cell of a column with a secret. Its group `word` is the
   * secret word of the column.
   */
  readonly table?: (header: string, before: string | undefined) => TableRows | undefined;
  readonly examples: SecretExamples;
}

/**
 * The body of a long secret, such as a PEM file. It is read piece by piece in linear time. At each position, `end` is
 * tried first, then `piece`. The body ends after the match of `end`. If neither matches and the block has `marks`,
 * base64 text is searched in the line. Otherwise the block is truncated, and its body ends after the last piece. The
 * match of `pattern` and the whole body are masked. A block without a piece is no secret.
 */
export interface SecretBlock {
  /**
   * Sticky pattern of one separator and the text after it. Its match must not be empty, and must have at most 256
   * bytes.
   */
  readonly piece: RegExp;
  /** Sticky pattern of the end of the block. Its match must not be empty, and must have at most 128 bytes. */
  readonly end: RegExp;
  /** Present if the lines of the body may contain other text, such as the time of a log line. */
  readonly marks?: BlockMarks;
}

/**
 * The marks (first and last lines) of a block whose lines may contain other text. The patterns match anywhere in a line
 * and have no flags.
 */
export interface BlockMarks {
  /** Pattern of the mark after the body. */
  readonly end: RegExp;
  /** Pattern of the beginning of any mark. The body ends before it. */
  readonly border: RegExp;
}

/** The rows of a table whose header says which columns have secrets. */
export interface TableRows {
  /** Reads the row at the beginning of the text. Returns undefined if there is no row. The table then ends. */
  readonly read: (text: string) => TableRow | undefined;
}

export interface TableRow {
  /** Number of characters of the row. Greater than 0 unless the text is empty. */
  readonly length: number;
  readonly cells: readonly TableCell[];
}

/** A cell of a column with a secret: its offsets in the row, and the word of the name of the column. */
export interface TableCell {
  readonly from: number;
  readonly to: number;
  readonly word: string;
}

/**
 * Examples of a rule. A test masks each of them. They must be built with `makeExample`, because secret scanners of code
 * hosts would report literal examples.
 */
export interface SecretExamples {
  /** `secret` is the part of `text` that must be masked. */
  readonly matches: readonly { readonly text: string; readonly secret: string }[];
  /** Texts in which the rule must find no secret. */
  readonly ignores: readonly string[];
}

/**
 * Returns true if `secret`, a group of a match of `rule`, must be masked. A placeholder alone is not masked, so masking
 * a text twice changes nothing. If a secret begins with a placeholder, its beginning was masked by another rule or a
 * known value, and the rest must be masked too. If the placeholder is at another position, the rule did not accept the
 * secret before that part was masked. So it does not accept it now either.
 */
export function acceptsSecret(rule: SecretRule, secret: string, groups: SecretGroups): boolean {
  const at = secret.indexOf(maskPlaceholder);
  if (at !== -1) return at === 0 && secret !== maskPlaceholder;
  if (rule.minEntropy !== undefined && shannonEntropy(secret) < rule.minEntropy) return false;
  return rule.accepts === undefined || rule.accepts(secret, groups);
}

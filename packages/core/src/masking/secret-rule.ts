import { maskPlaceholder } from './mask-placeholder.ts';
import { shannonEntropy } from './shannon-entropy.ts';

/**
 * `structured`: a format that its issuer documents. `context`: a value that its surroundings mark as a secret, such as a
 * header or a URL with a password. `generic`: a value whose name suggests a secret and whose characters look random.
 */
export type SecretClass = 'structured' | 'context' | 'generic';

/** The named groups of a match. A group that did not take part in the match is undefined. */
export type SecretGroups = Readonly<Record<string, string | undefined>>;

/** One row of the table of secret formats. Rules are data: the scanner has no code that is special to a rule. */
export interface SecretRule {
  /** Unique, in kebab-case. Receipts and findings name the rule by its id. */
  readonly id: string;
  readonly class: SecretClass;
  /**
   * ASCII in lower case, at least 3 bytes each, compared without case. A match begins at the first byte of a keyword, so
   * `pattern` must be able to match at each keyword.
   */
  readonly keywords: readonly string[];
  /**
   * A byte test that runs before `pattern`: one of `=`, `:`, `>`, `,` and `|` must be among the 32 bytes after the keyword.
   * Each operator that the pattern accepts must have one of them, so that masking the value does not change the result.
   */
  readonly needs?: 'assignment';
  /** `upper`: `pattern` never matches at a lower-case letter. The scanner then skips such keywords without running it. */
  readonly case?: 'upper';
  /**
   * `word`: `pattern` begins with `wordStart`. The scanner then skips most keywords in the middle of a word without
   * running it.
   */
  readonly start?: 'word';
  /**
   * Has the flags `d` and `y` and runs at the first byte of a keyword, over text of one character a byte: bytes below 0x80
   * are ASCII, others are decoded as `latin1` by TextDecoder, which is windows-1252. The groups
   * `secret`, `secret2`, `secret3` and `secret4` are masked. A pattern without the group `secret` masks its whole match.
   * Every quantifier is bounded. A lookbehind reads at most 40 characters.
   */
  readonly pattern: RegExp;
  /** Upper bound of the length of a match in bytes, lookaheads included. At most 65,536. */
  readonly maxLength: number;
  /** Lower bound of the Shannon entropy of a secret, in bits per character. */
  readonly minEntropy?: number;
  /** Returns false for a text that has the format and is not a secret, such as a placeholder. Each group is tested alone. */
  readonly accepts?: (secret: string, groups: SecretGroups) => boolean;
  /** A stricter test for the policy `reject`, such as a checksum. It runs only on a secret that was accepted. */
  readonly confirms?: (secret: string) => boolean;
  /** The body of a secret that is too long for one pattern. Its match begins where `pattern` ended. */
  readonly block?: SecretBlock;
  readonly examples: SecretExamples;
}

/**
 * The body of a block such as a PEM file, read piece by piece in linear time: at each position `end` is tried first, then
 * `piece`. The match of the rule ends after `end`, or, where neither matches (a truncated block), after the last piece.
 * The match as a whole is masked, the match of `pattern` included. A block without any piece is not a match.
 */
export interface SecretBlock {
  /** Sticky. Matches one separator and the text after it. Never empty, at most 256 bytes. */
  readonly piece: RegExp;
  /** Sticky. Matches the end of the block. Never empty, at most 128 bytes. */
  readonly end: RegExp;
}

/** Examples of a rule. A test masks every one. The examples are made by `makeExample`, so that no scanner objects to them. */
export interface SecretExamples {
  /** `secret` is the text that must be masked; it is part of `text`. */
  readonly matches: readonly { readonly text: string; readonly secret: string }[];
  /** Texts in which this rule must find nothing. */
  readonly ignores: readonly string[];
}

/**
 * Returns true if `secret`, which is a group of a match of `rule`, must be masked. The placeholder alone is not a secret,
 * so that masking twice changes nothing. A secret that begins with the placeholder was cut by another rule or by a known
 * value, and is masked whole. One with the placeholder at another place was not accepted when its text was whole.
 */
export function acceptsSecret(rule: SecretRule, secret: string, groups: SecretGroups): boolean {
  const at = secret.indexOf(maskPlaceholder);
  if (at !== -1) return at === 0 && secret !== maskPlaceholder;
  if (rule.minEntropy !== undefined && shannonEntropy(secret) < rule.minEntropy) return false;
  return rule.accepts === undefined || rule.accepts(secret, groups);
}

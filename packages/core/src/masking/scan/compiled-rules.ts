import { PatternGate } from '../gate/pattern-gate.ts';
import { buildKeywordAutomaton } from './keyword-automaton.ts';
import type { KeywordAutomaton } from './keyword-automaton.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import type { SecretClass, SecretRule } from '../secret-rule.ts';
import { blockWindowOf } from './block-scan.ts';

/**
 * Rank of a rule, by its class. If two matches have the same range, the one with the smaller rank is used. Known values
 * have the rank 0.
 */
const ranks: Readonly<Record<SecretClass, number>> = { structured: 1, context: 2, generic: 3 };

/** A rule, with the data that a scan needs at each of its keywords. */
export interface CompiledRule {
  readonly rule: SecretRule;
  /** Index of the rule in the array of rules. */
  readonly index: number;
  readonly rank: number;
  readonly needsAssignment: boolean;
  readonly isUpperCase: boolean;
  readonly startsWord: boolean;
  /**
   * Number of bytes that `pattern` may read, from the beginning of the keyword. The scanner runs `pattern` only when so
   * many bytes have arrived, or when the stream has ended.
   */
  readonly windowBytes: number;
  readonly lazyGate: RuleGate;
}

/** Builds the gate of a rule at the first keyword of the rule, because a short text has keywords of few rules. */
export class RuleGate {
  readonly #pattern: RegExp;
  #gate: PatternGate | undefined;
  #isBuilt = false;

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  /** The gate. Undefined if the pattern has none. */
  get gate(): PatternGate | undefined {
    if (!this.#isBuilt) this.#gate = PatternGate.of(this.#pattern);
    this.#isBuilt = true;
    return this.#gate;
  }
}

/** The rules, with one automaton that finds all their keywords and the placeholder. */
export interface CompiledRules {
  readonly count: number;
  readonly automaton: KeywordAutomaton;
  readonly keywordLengths: Uint16Array;
  readonly longestKeyword: number;
  /** Largest `lead` of a rule. */
  readonly longestLead: number;
  /** The rules of each keyword. The placeholder is a keyword without rules. */
  readonly rulesOf: readonly (readonly CompiledRule[])[];
}

/**
 * Cache of compiled rules. If the known values of a stream change, it gets a new set with the same array of rules. So
 * the rules need not be compiled again.
 */
const compiled = new WeakMap<readonly SecretRule[], CompiledRules>();

export function compileRules(rules: readonly SecretRule[]): CompiledRules {
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const byKeyword = new Map<string, CompiledRule[]>([[maskPlaceholder.toLowerCase(), []]]);
  rules.forEach((rule, index) => {
    const row = compiledRule(rule, index);
    for (const keyword of new Set(rule.keywords)) {
      // Some keywords, such as `pass=`, already contain the assignment sign.
      const needsAssignment = row.needsAssignment && !/[=:>,|]/.test(keyword);
      byKeyword.set(keyword, [...(byKeyword.get(keyword) ?? []), { ...row, needsAssignment }]);
    }
  });
  const keywords = [...byKeyword.keys()];
  const keywordLengths = Uint16Array.from(keywords, (keyword) => keyword.length);
  const result = {
    count: rules.length,
    automaton: buildKeywordAutomaton(keywords),
    keywordLengths,
    longestKeyword: keywordLengths.reduce((longest, length) => Math.max(longest, length)),
    longestLead: rules.reduce((longest, { lead = 0 }) => Math.max(longest, lead), 0),
    rulesOf: [...byKeyword.values()],
  };
  compiled.set(rules, result);
  return result;
}

function compiledRule(rule: SecretRule, index: number): CompiledRule {
  const windowBytes = rule.block === undefined ? rule.maxLength : blockWindowOf(rule.block);
  const needsAssignment = rule.needs !== undefined;
  return {
    rule,
    index,
    rank: ranks[rule.class],
    needsAssignment,
    isUpperCase: rule.case === 'upper',
    startsWord: rule.start === 'word',
    windowBytes,
    lazyGate: new RuleGate(rule.pattern),
  };
}

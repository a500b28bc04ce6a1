import { buildKeywordAutomaton } from './keyword-automaton.ts';
import type { KeywordAutomaton } from './keyword-automaton.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import type { SecretClass, SecretRule } from '../secret-rule.ts';
import { blockWindow } from './block-scan.ts';

/** Smaller numbers win where two matches are equal. A known value has rank 0. */
const ranks: Readonly<Record<SecretClass, number>> = { structured: 1, context: 2, generic: 3 };

/** What a scan reads of a rule at each of its keywords. */
export interface CompiledRule {
  readonly rule: SecretRule;
  /** Position of the rule in its set. */
  readonly index: number;
  readonly rank: number;
  readonly needsAssignment: boolean;
  readonly isUpperCase: boolean;
  readonly startsWord: boolean;
  /** The pattern sees this many bytes from the start of the keyword. A hit waits for as many bytes after the keyword. */
  readonly windowBytes: number;
}

/** Rules with the automaton over their keywords and the placeholder. */
export interface CompiledRules {
  readonly count: number;
  readonly automaton: KeywordAutomaton;
  readonly keywordLengths: Uint16Array;
  readonly longestKeyword: number;
  /** The rules of each keyword. The placeholder is a keyword without a rule. */
  readonly rulesOf: readonly (readonly CompiledRule[])[];
}

/** One array of rules is compiled once, because known values are added while a stream runs. */
const compiled = new WeakMap<readonly SecretRule[], CompiledRules>();

export function compileRules(rules: readonly SecretRule[]): CompiledRules {
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const byKeyword = new Map<string, CompiledRule[]>([[maskPlaceholder.toLowerCase(), []]]);
  rules.forEach((rule, index) => {
    const row = compiledRule(rule, index);
    for (const keyword of new Set(rule.keywords)) {
      // A keyword such as `pass=` has its assignment sign inside.
      const needsAssignment = row.needsAssignment && !/[=:>,]/.test(keyword);
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
    rulesOf: [...byKeyword.values()],
  };
  compiled.set(rules, result);
  return result;
}

function compiledRule(rule: SecretRule, index: number): CompiledRule {
  const windowBytes = rule.block === undefined ? rule.maxLength : blockWindow;
  const needsAssignment = rule.needs !== undefined;
  return {
    rule,
    index,
    rank: ranks[rule.class],
    needsAssignment,
    isUpperCase: rule.case === 'upper',
    startsWord: rule.start === 'word',
    windowBytes,
  };
}

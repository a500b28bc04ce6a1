import { buildKeywordAutomaton } from './keyword-automaton.ts';
import type { KeywordAutomaton } from './keyword-automaton.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import type { SecretRule } from '../secret-rule.ts';

/** Stands for the placeholder in `rulesOf`. The placeholder is a keyword without a rule. */
export const placeholderRule = -1;

/** Rules with the automaton over their keywords and the placeholder. */
export interface CompiledRules {
  readonly rules: readonly SecretRule[];
  readonly automaton: KeywordAutomaton;
  readonly keywordLengths: Uint16Array;
  readonly longestKeyword: number;
  /** Indices of the rules of each keyword. */
  readonly rulesOf: readonly Int16Array[];
}

/** One array of rules is compiled once, because known values are added while a stream runs. */
const compiled = new WeakMap<readonly SecretRule[], CompiledRules>();

export function compileRules(rules: readonly SecretRule[]): CompiledRules {
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const indices = new Map<string, number[]>([[maskPlaceholder.toLowerCase(), [placeholderRule]]]);
  rules.forEach((rule, index) => {
    for (const keyword of new Set(rule.keywords)) indices.set(keyword, [...(indices.get(keyword) ?? []), index]);
  });
  const keywords = [...indices.keys()];
  const keywordLengths = Uint16Array.from(keywords, (keyword) => keyword.length);
  const result = {
    rules,
    automaton: buildKeywordAutomaton(keywords),
    keywordLengths,
    longestKeyword: keywordLengths.reduce((longest, length) => Math.max(longest, length)),
    rulesOf: [...indices.values()].map((list) => Int16Array.from(list)),
  };
  compiled.set(rules, result);
  return result;
}

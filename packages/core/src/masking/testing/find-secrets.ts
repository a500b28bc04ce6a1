import { acceptsSecret } from '../secret-rule.ts';
import type { SecretRule } from '../secret-rule.ts';

export interface FoundSecret {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const assignmentSign = /[=:>,]/;

/** A plain scanner for tests of rules: it tries each rule at each of its keywords and reports every accepted group. */
export function findSecrets(rules: readonly SecretRule[], text: string): readonly FoundSecret[] {
  const folded = text.toLowerCase();
  return rules.flatMap((rule) => rule.keywords.flatMap((keyword) => atKeyword(rule, keyword, text, folded)));
}

function atKeyword(rule: SecretRule, keyword: string, text: string, folded: string): FoundSecret[] {
  const found: FoundSecret[] = [];
  for (let at = folded.indexOf(keyword); at !== -1; at = folded.indexOf(keyword, at + 1)) {
    const after = text.slice(at + keyword.length, at + keyword.length + 32);
    if (rule.needs === 'assignment' && !assignmentSign.test(after)) continue;
    rule.pattern.lastIndex = at;
    const match = rule.pattern.exec(text);
    if (match !== null) found.push(...groupsOf(rule, match, text));
  }
  return found;
}

function groupsOf(rule: SecretRule, match: RegExpExecArray, text: string): FoundSecret[] {
  const end =
    rule.block === undefined ? match.index + match[0].length : blockEnd(rule, match.index + match[0].length, text);
  if (end === undefined) return [];
  const groups = match.groups ?? {};
  const named = ['secret', 'secret2', 'secret3', 'secret4'].flatMap((name) => {
    const range = match.indices?.groups?.[name];
    return range === undefined ? [] : [{ start: range[0], end: range[1] }];
  });
  const ranges = named.length > 0 ? named : [{ start: match.index, end }];
  return ranges
    .map((range) => ({ ...range, rule: rule.id, text: text.slice(range.start, range.end) }))
    .filter((range) => acceptsSecret(rule, range.text, groups));
}

/** Returns the end of a block, or undefined if it has no piece. */
function blockEnd({ block }: SecretRule, start: number, text: string): number | undefined {
  let position = start;
  while (block !== undefined) {
    const last = lengthAt(block.end, position, text);
    if (last > 0) return position === start ? undefined : position + last;
    const length = lengthAt(block.piece, position, text);
    if (length === 0) break;
    position += length;
  }
  return position === start ? undefined : position;
}

function lengthAt(pattern: RegExp, position: number, text: string): number {
  pattern.lastIndex = position;
  return pattern.test(text) ? pattern.lastIndex - position : 0;
}

import { BlockScan, blockWindow } from './block-scan.ts';
import type { ByteWindow } from './byte-window.ts';
import { placeholderRule } from './compiled-rules.ts';
import type { CompiledRules } from './compiled-rules.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { acceptsSecret } from '../secret-rule.ts';
import type { SecretClass, SecretRule } from '../secret-rule.ts';
import type { SpanQueue } from './span-queue.ts';
import { WindowText } from './window-text.ts';

const lookbehind = 8;
const assignmentWindow = 32;
const ranks: Readonly<Record<SecretClass, number>> = { structured: 1, context: 2, generic: 3 };
const secretGroups = ['secret', 'secret2', 'secret3', 'secret4'] as const;

/** Number of bytes before the first byte that is held back which must stay in the window, for lookbehinds. */
export const historyBytes = lookbehind;

/** Finds the matches of rules in one stream. A hit is a keyword at which the pattern of a rule must still run. */
export class RuleScan {
  readonly #compiled: CompiledRules;
  readonly #window: ByteWindow;
  readonly #spans: SpanQueue;
  readonly #text: WindowText;
  /** Whether only matches count that the stricter test of their rule confirms. */
  readonly #confirmed: boolean;
  readonly #from: number;
  #state = 0;
  #scanned: number;
  /** Hits in the order of their keywords' ends: the start, the end and the rule of each. */
  #starts: number[] = [];
  #ends: number[] = [];
  #rules: number[] = [];
  #head = 0;
  /** For each rule, the end of its last match. The rule does not run inside of it. */
  readonly #resumeAt: Float64Array;
  #block: BlockScan | undefined;
  #steps = 0;

  constructor(compiled: CompiledRules, window: ByteWindow, spans: SpanQueue, from: number, confirmed: boolean) {
    this.#compiled = compiled;
    this.#window = window;
    this.#spans = spans;
    this.#text = new WindowText(window);
    this.#confirmed = confirmed;
    this.#from = from;
    this.#scanned = from;
    this.#resumeAt = new Float64Array(compiled.rules.length);
  }

  /** Number of bytes read, decoded and handed to patterns. Tests prove with it that the work is linear. */
  get steps(): number {
    return this.#steps + this.#text.steps;
  }

  scan(ended: boolean): void {
    this.#findKeywords(ended);
    this.#runBlock(ended);
    const end = this.#window.end;
    while (this.#head < this.#rules.length) {
      const rule = this.#rules[this.#head] ?? placeholderRule;
      if (!ended && (this.#ends[this.#head] ?? 0) + this.#lookahead(rule) > end) break;
      this.#decide(this.#starts[this.#head] ?? 0, this.#ends[this.#head] ?? 0, rule, ended);
      this.#head += 1;
    }
    this.#dropDecided();
  }

  /** The block whose end was not read yet. The scan with another set goes on with it, because its start was handed over. */
  get openBlock(): BlockScan | undefined {
    return this.#block?.hasPiece === true ? this.#block : undefined;
  }

  set openBlock(block: BlockScan | undefined) {
    this.#block = block;
  }

  /** First position whose bytes may belong to a match that is not decided. */
  holdFrom(): number {
    let hold = this.#window.end - (this.#compiled.automaton.depths[this.#state] ?? 0);
    for (let hit = this.#head; hit < this.#starts.length; hit += 1) {
      if ((this.#ends[hit] ?? 0) - this.#compiled.longestKeyword >= hold) break;
      hold = Math.min(hold, this.#starts[hit] ?? 0);
    }
    return this.#block === undefined ? hold : Math.min(hold, this.#block.holdFrom);
  }

  #findKeywords(ended: boolean): void {
    const { table, classes, shift, firstHit } = this.#compiled.automaton;
    const { bytes, base } = this.#window;
    const length = this.#window.end - base;
    let state = this.#state;
    this.#steps += length - (this.#scanned - base);
    for (let at = this.#scanned - base; at < length; at += 1) {
      state = table[(state << shift) | (classes[bytes[at] ?? 0] ?? 0)] ?? 0;
      if (state >= firstHit) this.#addHits(state - firstHit, base + at + 1, ended);
    }
    this.#state = state;
    this.#scanned = base + length;
  }

  #addHits(hitState: number, end: number, ended: boolean): void {
    for (const keyword of this.#compiled.automaton.hits[hitState] ?? []) {
      const start = end - (this.#compiled.keywordLengths[keyword] ?? 0);
      if (start < this.#from) continue;
      for (const rule of this.#compiled.rulesOf[keyword] ?? []) {
        const needs = this.#compiled.rules[rule]?.needs;
        if (needs !== undefined && this.#canTestAssignment(end, ended) && !this.#hasAssignment(end)) continue;
        this.#starts.push(start);
        this.#ends.push(end);
        this.#rules.push(rule);
      }
    }
  }

  #canTestAssignment(keywordEnd: number, ended: boolean): boolean {
    return ended || keywordEnd + assignmentWindow <= this.#window.end;
  }

  #hasAssignment(keywordEnd: number): boolean {
    const { bytes, base, end } = this.#window;
    const to = Math.min(keywordEnd + assignmentWindow, end) - base;
    for (let at = keywordEnd - base; at < to; at += 1) {
      const byte = bytes[at];
      if (byte === 0x3d || byte === 0x3a || byte === 0x3e || byte === 0x2c) return true;
    }
    return false;
  }

  /** Number of bytes after the keyword that must be there before a hit of the rule is decided. */
  #lookahead(rule: number): number {
    const { maxLength = 0, block } = this.#compiled.rules[rule] ?? {};
    return block === undefined ? maxLength : blockWindow;
  }

  #decide(start: number, end: number, index: number, ended: boolean): void {
    const rule = this.#compiled.rules[index];
    if (rule === undefined) this.#addPlaceholder(start, end);
    else if (start >= (this.#resumeAt[index] ?? 0) && (rule.needs === undefined || this.#hasAssignment(end))) {
      this.#runPattern(rule, index, start, ended);
    }
  }

  #addPlaceholder(start: number, end: number): void {
    if (this.#text.slice(start, end) !== maskPlaceholder) return;
    this.#spans.add({ start, end, rule: undefined, rank: 4, conditional: false });
  }

  #runPattern(rule: SecretRule, index: number, start: number, ended: boolean): void {
    const from = Math.max(this.#window.base, start - lookbehind);
    const longest = rule.block === undefined ? rule.maxLength : blockWindow;
    const slice = this.#text.slice(from, Math.min(start + longest, this.#window.end));
    this.#steps += slice.length;
    rule.pattern.lastIndex = start - from;
    const match = rule.pattern.exec(slice);
    if (match === null) return;
    const matchEnd = start + match[0].length;
    if (rule.block !== undefined) {
      const limit = start + rule.maxLength;
      const shared = { block: rule.block, rule: rule.id, index, rank: ranks[rule.class] };
      this.#block = new BlockScan({ ...shared, start, bodyStart: matchEnd, limit });
      this.#runBlock(ended);
    } else if (this.#addSecrets(rule, match, from)) this.#resumeAt[index] = matchEnd;
  }

  /** Returns whether a secret was accepted. Others become conditional spans. */
  #addSecrets(rule: SecretRule, match: RegExpExecArray, from: number): boolean {
    const groups = match.groups ?? {};
    const names = secretGroups.filter((name) => groups[name] !== undefined);
    let isAccepted = false;
    for (const name of names.length === 0 ? [undefined] : names) {
      const secret = name === undefined ? match[0] : (groups[name] ?? '');
      const indices = name === undefined ? match.indices?.[0] : match.indices?.groups?.[name];
      if (indices === undefined || secret === '') continue;
      const conditional = !acceptsSecret(rule, secret, groups);
      if (!conditional) isAccepted = true;
      if (!conditional && this.#confirmed && rule.confirms?.(secret) === false) continue;
      const start = from + indices[0] + leadLength(match.input, indices[0], secret);
      const end = from + indices[1];
      this.#spans.add({ start, end, rule: conditional ? undefined : rule.id, rank: ranks[rule.class], conditional });
    }
    return isAccepted;
  }

  #runBlock(ended: boolean): void {
    const block = this.#block;
    if (block === undefined) return;
    const before = block.steps;
    block.scan(this.#window, this.#text, ended, this.#spans);
    this.#steps += block.steps - before;
    this.#resumeAt[block.index] = block.position;
    if (block.isDone) this.#block = undefined;
  }

  #dropDecided(): void {
    if (this.#head === this.#rules.length) {
      this.#starts = [];
      this.#ends = [];
      this.#rules = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      for (const list of [this.#starts, this.#ends, this.#rules]) list.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

/** Length of the sign of a diff and the indentation before a secret that begins a line and has several. */
function leadLength(text: string, at: number, secret: string): number {
  if (!secret.includes('\n') || (at > 0 && text[at - 1] !== '\n')) return 0;
  return /^[+-]?[ \t]*/.exec(secret)?.[0].length ?? 0;
}

import { BlockScan } from './block-scan.ts';
import type { BlockStart } from './block-scan.ts';
import type { ByteWindow } from './byte-window.ts';
import type { CompiledRule, CompiledRules } from './compiled-rules.ts';
import { HitQueue } from './hits/hit-queue.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { acceptsSecret } from '../secret-rule.ts';
import type { TableRows } from '../secret-rule.ts';
import { leadLength, lineBefore, lookbehind, secretsOf, surelyRead } from './rule-match.ts';
import { RejectedHits } from './hits/rejected-hits.ts';
import { RunLimit } from './hits/run-limit.ts';
import type { SecondLook } from './second-look.ts';
import { isAlphanumeric, isLead, mayEndEscape } from './escape-ends.ts';
import type { SpanQueue } from './span-queue.ts';
import { rowWindow, TableScan } from './table-scan.ts';
import { WindowText } from './window-text.ts';
import { WordEnds } from './word-ends.ts';

const assignmentWindow = 32;
const placeholderRank = 4;

export interface RuleScanTarget {
  readonly window: ByteWindow;
  readonly spans: SpanQueue;
  readonly again: SecondLook;
  /** Matches must not begin before this position. */
  readonly from: number;
  readonly confirmed: boolean;
}

/**
 * Returns the number of bytes after a keyword that must be there before its hit is decided. For the header of a table
 * it includes a row. The rows of an earlier table were then read up to the header, so that only one table is open.
 */
function bytesToDecide({ rule, windowBytes }: CompiledRule): number {
  return rule.table === undefined ? windowBytes : windowBytes + rowWindow;
}

/** Finds the matches of rules in one stream. A hit is a keyword at which the pattern of a rule must run. */
export class RuleScan {
  readonly #compiled: CompiledRules;
  readonly #window: ByteWindow;
  readonly #spans: SpanQueue;
  readonly #text: WindowText;
  /** True if only those secrets count that pass the stricter test `confirms` of their rule. */
  readonly #confirmed: boolean;
  readonly #from: number;
  /** Runs patterns a second time, over the masked text. It receives all hits of rules that have no `block`. */
  readonly #again: SecondLook;
  #state = 0;
  #scanned: number;
  /** The hits (keywords at which a pattern must run). The end of a hit is the end of its keyword. */
  readonly #hits = new HitQueue();
  /** For each rule, the end of its last match. The rule does not run at keywords before it. */
  readonly #resumeAt: Float64Array;
  /** For each rule, the last text in which it found nothing. */
  readonly #rejected: RejectedHits;
  readonly #limit: RunLimit;
  readonly #words: WordEnds;
  #block: BlockScan | undefined;
  /** The end of the last block. No block begins before this position. */
  #blockEnd = 0;
  #table: TableScan | undefined;
  /** The end of the rows of the last table that were read. No table begins before this position. */
  #tableEnd = 0;
  #steps = 0;

  constructor(compiled: CompiledRules, target: RuleScanTarget) {
    const { window, spans, again, from, confirmed } = target;
    this.#compiled = compiled;
    this.#window = window;
    this.#spans = spans;
    this.#again = again;
    this.#text = new WindowText(window);
    this.#confirmed = confirmed;
    this.#from = from;
    this.#scanned = from;
    this.#resumeAt = new Float64Array(compiled.count);
    this.#limit = new RunLimit(compiled.count);
    this.#words = new WordEnds(window);
    this.#rejected = new RejectedHits(window);
  }

  /**
   * Number of bytes that were read, decoded, or passed to patterns. Tests use it to check that the work is linear in
   * the length of the input.
   */
  get steps(): number {
    return this.#steps + this.#text.steps + this.#words.steps + this.#rejected.steps;
  }

  scan(ended: boolean): void {
    this.#findKeywords(ended);
    this.#runBlock(ended);
    this.#runTable(ended);
    const { end } = this.#window;
    for (let rule = this.#hits.firstRule; rule !== undefined; rule = this.#hits.firstRule) {
      const keywordEnd = this.#hits.endOf(0);
      if (!ended && keywordEnd + bytesToDecide(rule) > end) break;
      this.#decide(this.#hits.startOf(0), keywordEnd, rule, ended);
      this.#hits.dropFirst();
    }
  }

  /**
   * A block whose end was not read yet, or undefined. If the set of secrets is replaced, the new scan continues this
   * block, because the beginning of the block was already passed to the sink.
   */
  get openBlock(): BlockScan | undefined {
    return this.#block?.hasPiece === true ? this.#block : undefined;
  }

  set openBlock(block: BlockScan | undefined) {
    this.#block = block;
  }

  /** A table whose end was not read yet. It also continues when the set of secrets is replaced. */
  get openTable(): TableScan | undefined {
    return this.#table;
  }

  set openTable(table: TableScan | undefined) {
    this.#table = table;
  }

  /** Returns the position of the first byte that may still become part of a match. */
  holdFrom(): number {
    let hold = this.#window.end - (this.#compiled.automaton.depths[this.#state] ?? 0);
    for (let hit = 0; hit < this.#hits.size; hit += 1) {
      if (this.#hits.endOf(hit) - this.#compiled.longestKeyword >= hold) break;
      hold = Math.min(hold, this.#hits.startOf(hit));
    }
    hold = this.#leadBefore(hold);
    return Math.min(hold, this.#block?.holdFrom ?? hold, this.#table?.position ?? hold);
  }

  /** Returns the position of the first byte before `position` that may be in the lead of a secret. */
  #leadBefore(position: number): number {
    const { bytes, base } = this.#window;
    const first = Math.max(this.#from, position - this.#compiled.longestLead);
    let at = position;
    while (at > first && isLead(bytes[at - 1 - base] ?? 0)) at -= 1;
    return at;
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
      const rules = this.#compiled.rulesOf[keyword] ?? [];
      if (start < this.#from) continue;
      if (rules.length === 0) this.#addPlaceholder(start, end);
      for (const rule of rules) {
        if (rule.isUpperCase && this.#isLowerCase(start)) continue;
        if (rule.startsWord && this.#isInWord(start)) continue;
        if (rule.needsAssignment && this.#canTestAssignment(end, ended) && !this.#hasAssignment(end)) continue;
        this.#hits.add(start, end, rule);
      }
    }
  }

  #isLowerCase(position: number): boolean {
    const byte = this.#window.bytes[position - this.#window.base] ?? 0;
    return byte >= 0x61 && byte <= 0x7a;
  }

  /**
   * Returns true if the keyword is certainly in the middle of a word. Returns false if the letter before it may be the
   * end of an escape sequence. The pattern then decides.
   */
  #isInWord(position: number): boolean {
    const { bytes, base } = this.#window;
    const at = position - base;
    return at > 0 && isAlphanumeric(bytes[at - 1] ?? 0) && !mayEndEscape(bytes, at);
  }

  #canTestAssignment(keywordEnd: number, ended: boolean): boolean {
    return ended || keywordEnd + assignmentWindow <= this.#window.end;
  }

  #hasAssignment(keywordEnd: number): boolean {
    const { bytes, base, end } = this.#window;
    const to = Math.min(keywordEnd + assignmentWindow, end) - base;
    for (let at = keywordEnd - base; at < to; at += 1) {
      const byte = bytes[at];
      if (byte === 0x3d || byte === 0x3a || byte === 0x3e || byte === 0x2c || byte === 0x7c) return true;
    }
    return false;
  }

  #decide(start: number, end: number, rule: CompiledRule, ended: boolean): void {
    if (rule.needsAssignment && !this.#hasAssignment(end)) return;
    if (!this.#limit.allows(rule.index, start)) return;
    const isRead = start < this.#readTo(rule);
    const readTo = isRead ? start + rule.windowBytes : this.#runGate(rule, start, end, ended);
    if (rule.rule.block === undefined && rule.rule.table === undefined) this.#again.add(start, rule, readTo);
  }

  /** Returns the position before which the rule has found everything. */
  #readTo({ rule, index }: CompiledRule): number {
    if (rule.table !== undefined) return this.#tableEnd;
    return rule.block === undefined ? (this.#resumeAt[index] ?? 0) : this.#blockEnd;
  }

  /** Runs the gate of the rule, then its pattern. Returns the end of the bytes that show that there is no secret. */
  #runGate(rule: CompiledRule, start: number, end: number, ended: boolean): number {
    const { bytes, base } = this.#window;
    const limit = Math.min(start + rule.windowBytes, this.#window.end);
    const read = rule.lazyGate.gate?.bytesToReject(bytes, start - base, limit - base) ?? 0;
    if (read === 0) return Math.max(this.#runPattern(rule, start, end, ended), start + surelyRead);
    this.#steps += read;
    this.#limit.spend(rule.index, start, this.#words.endAfter(end, limit));
    return start + read;
  }

  #addPlaceholder(start: number, end: number): void {
    if (this.#text.slice(start, end) !== maskPlaceholder) return;
    this.#spans.add({ start, end, rule: undefined, rank: placeholderRank, isLiteral: true });
  }

  /**
   * Runs the pattern at a keyword. Returns the end of the bytes that the pattern may have read. If the pattern fails,
   * it has read at most one value, after its keyword or after its match. A value ends with its word.
   */
  #runPattern(compiled: CompiledRule, start: number, end: number, ended: boolean): number {
    const from = Math.max(this.#window.base, start - lookbehind);
    const limit = Math.min(start + compiled.windowBytes, this.#window.end);
    const { rule, index } = compiled;
    const known = this.#rejected.find(index, start, from, limit);
    if (known !== 0) {
      this.#limit.spend(index, start, known);
      return known;
    }
    const text = this.#text.slice(from, limit);
    rule.pattern.lastIndex = start - from;
    const match = rule.pattern.exec(text);
    const matchEnd = start + (match?.[0].length ?? 0);
    const readTo = this.#words.endAfter(Math.max(end, matchEnd), limit);
    this.#steps += readTo - start;
    if (match !== null && rule.block !== undefined) {
      const before = lineBefore(text.slice(0, start - from), from === 0);
      this.#startBlock(compiled, { block: rule.block, start, bodyStart: matchEnd, before }, ended);
    } else if (match !== null && rule.table !== undefined) {
      const before = lineBefore(text.slice(0, start - from), from === 0);
      this.#startTable(compiled, rule.table(match[0], before), matchEnd, ended);
    } else if (match !== null && this.#addSecrets(compiled, match, from)) this.#resumeAt[compiled.index] = matchEnd;
    else {
      this.#limit.spend(index, start, readTo);
      this.#rejected.add(index, { start, from, limit, readTo });
    }
    return readTo;
  }

  /**
   * Adds a span (range of bytes to mask) for each accepted secret of a match. Returns true if there was at least one.
   */
  #addSecrets({ rule, rank }: CompiledRule, match: RegExpExecArray, from: number): boolean {
    let isAccepted = false;
    for (const [secret, rangeOf] of secretsOf(match)) {
      if (!acceptsSecret(rule, secret, match.groups ?? {})) continue;
      isAccepted = true;
      if (this.#confirmed && rule.confirms?.(secret) === false) continue;
      const [first, last] = rangeOf();
      const start = from + first + leadLength(match.input, first, secret) - (rule.lead ?? 0);
      this.#spans.add({ start, end: from + last, rule: rule.id, rank });
    }
    return isAccepted;
  }

  #startBlock(
    { rule, rank }: CompiledRule,
    begin: Pick<BlockStart, 'block' | 'start' | 'bodyStart' | 'before'>,
    ended: boolean,
  ): void {
    this.#block = new BlockScan({ ...begin, rule: rule.id, rank, limit: begin.start + rule.maxLength });
    this.#runBlock(ended);
  }

  #runBlock(ended: boolean): void {
    const block = this.#block;
    if (block === undefined) return;
    const before = block.steps;
    block.scan(this.#window, this.#text, ended, this.#spans);
    this.#steps += block.steps - before;
    this.#blockEnd = block.position;
    if (block.isDone) this.#block = undefined;
  }

  #startTable({ rule, rank }: CompiledRule, rows: TableRows | undefined, bodyStart: number, ended: boolean): void {
    if (rows === undefined) return;
    this.#table = new TableScan(rule, rank, rows, bodyStart);
    this.#runTable(ended);
  }

  #runTable(ended: boolean): void {
    const table = this.#table;
    if (table === undefined) return;
    const before = table.steps;
    table.scan(this.#window, this.#text, ended, this.#spans);
    this.#steps += table.steps - before;
    this.#tableEnd = table.position;
    if (table.isDone) this.#table = undefined;
  }
}

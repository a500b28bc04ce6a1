import { dead, matched } from '../gate/pattern-gate.ts';
import type { PatternGate } from '../gate/pattern-gate.ts';
import { HitQueue } from './hits/hit-queue.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { acceptsSecret } from '../secret-rule.ts';
import type { ByteWindow } from './byte-window.ts';
import type { CompiledRule, CompiledRules } from './compiled-rules.ts';
import { placeholderBytes, PlaceholderWriter } from './placeholder-writer.ts';
import { lookbehind, secretsOf, surelyRead } from './rule-match.ts';
import type { MaskedRange, SpanQueue } from './span-queue.ts';

/**
 * A masked text is shorter than its source. So a second run of a pattern may need more source bytes than the first, but
 * at most this number of additional bytes.
 */
const longestMask = 65_536;
/** Patterns run first over a text of this number of bytes. Most patterns do not read more, even if they may. */
const shortWindow = 1024;
/** Largest number of bytes of a masked text that several hits use. */
const largestView = 32_768;
const endOfWord = /[\s"'`&;,<>|(){}[\]\\]/g;
const decoder = new TextDecoder('latin1');

/** A range of bytes, as positions in the stream. */
interface BytePart {
  readonly start: number;
  readonly end: number;
}

/** A range of the stream, with its position in the masked text. */
interface Segment {
  readonly range: BytePart;
  readonly isMasked: boolean;
  readonly outStart: number;
  readonly outEnd: number;
}

/** The part of the stream that is known when hits are checked for the second time. */
export interface LookedAt {
  readonly window: ByteWindow;
  /**
   * Position up to which all spans (ranges to mask) are known. A span that begins before it is in the queue, or was
   * already taken from the queue.
   */
  readonly decidedTo: number;
  /** The range of bytes that was masked last, by spans that were taken from the queue. */
  readonly lastMask: MaskedRange;
  readonly ended: boolean;
}

/**
 * Checks hits for the second time. If a secret near a hit was masked, runs the pattern of the hit over the masked text.
 * So a value that begins with another secret is masked completely, and masking the output again changes nothing.
 */
export class SecondLook {
  /** Number of bytes that were passed to patterns. */
  steps = 0;
  readonly #longestKeyword: number;
  readonly #longestLead: number;
  readonly #spans: SpanQueue;
  readonly #confirmed: boolean;
  /** A part of the stream that masking does not change. Valid as long as `changes` of the spans has this value. */
  #unchanged = { from: 0, to: 0, changes: 0 };
  /** The masked text near the last hits. */
  #view: MaskedView | undefined;
  #viewSize = 0;
  /** The hits. The end of a hit is the end of the bytes that its pattern may have read in the first run. */
  readonly #hits = new HitQueue();

  constructor(compiled: CompiledRules, spans: SpanQueue, confirmed: boolean) {
    this.#confirmed = confirmed;
    this.#longestKeyword = compiled.longestKeyword;
    this.#longestLead = compiled.longestLead;
    this.#spans = spans;
  }

  /** Adds a hit. Hits must be added in the order in which their keywords end. */
  add(start: number, rule: CompiledRule, readTo: number): void {
    this.#hits.add(start, Math.min(readTo, start + rule.windowBytes), rule);
  }

  run(known: LookedAt): void {
    for (let rule = this.#hits.firstRule; rule !== undefined; rule = this.#hits.firstRule) {
      if (!this.#look(this.#hits.startOf(0), rule, this.#hits.endOf(0), known)) break;
      this.#hits.dropFirst();
    }
  }

  /**
   * Returns the position of the first byte that may still be masked by a hit that was not checked for the second time.
   */
  holdFrom(hold: number): number {
    let first = hold;
    for (let hit = 0; hit < this.#hits.size; hit += 1) {
      const start = this.#hits.startOf(hit);
      if (start - this.#longestKeyword - this.#longestLead >= first) break;
      first = Math.min(first, start - this.#longestLead);
    }
    return first;
  }

  /**
   * Runs the pattern of a hit over the masked text. Returns false if the pattern would read text whose masking is not
   * known yet.
   */
  #look(start: number, rule: CompiledRule, reach: number, known: LookedAt): boolean {
    if (!known.ended && known.decidedTo < reach) return false;
    const from = Math.max(known.window.base, start - lookbehind);
    if (known.lastMask.end <= from && this.#spans.firstStart >= reach) return true;
    // A pattern does not begin in a masked text.
    if ((known.lastMask.start <= start && start < known.lastMask.end) || this.#spans.covers(start)) return true;
    if (this.#isUnchanged(from, reach, known)) return true;
    const { lazyGate } = rule;
    if (lazyGate.gate !== undefined && this.#isRejected(lazyGate.gate, start, rule.windowBytes, known)) return true;
    const windowEnd = start + rule.windowBytes;
    if (!known.ended && known.decidedTo < windowEnd) return false;
    if (this.#lookInView(start, rule, known)) return true;
    if (rule.windowBytes > shortWindow && this.#lookWithin(start, rule, shortWindow, reach, known)) return true;
    return this.#lookWithin(start, rule, rule.windowBytes, reach, known);
  }

  /** Returns true if masking does not change the bytes from `from` to `to`. */
  #isUnchanged(from: number, to: number, { lastMask, decidedTo, ended }: LookedAt): boolean {
    const { changes } = this.#spans;
    const before = this.#unchanged;
    const isKnown = before.changes === changes && before.from <= from && from <= before.to;
    let at = isKnown ? before.to : from;
    while (at < to) {
      const mask = this.#spans.rangeAfter(lastMask, at);
      if (mask === undefined || mask.start >= to) break;
      // A span that is not known yet may extend a range that ends at `decidedTo` or later.
      if (!mask.isLiteral || !(ended || mask.end < decidedTo)) return false;
      at = mask.end;
    }
    this.#unchanged = { from: isKnown ? before.from : from, to: at, changes };
    return true;
  }

  /** Returns true if the gate of a rule shows that its pattern does not match the masked text. */
  #isRejected(gate: PatternGate, start: number, windowBytes: number, known: LookedAt): boolean {
    const { bytes, base } = known.window;
    const end = known.ended ? known.window.end : known.decidedTo;
    let state = gate.start;
    let at = start;
    /** Position in the masked text. */
    let length = 0;
    while (state !== matched && at < end) {
      const mask = this.#spans.rangeAfter(known.lastMask, at);
      const to = Math.min(mask?.start ?? end, end, at + windowBytes - length);
      state = gate.advance(state, bytes, at - base, to - base);
      this.steps += to - at;
      length += to - at;
      at = to;
      if (state === dead) return true;
      if (length + placeholderBytes.length > windowBytes) return false;
      if (mask === undefined || at < mask.start || at >= end || isLineEnd(bytes[at - base])) break;
      state = gate.advance(state, placeholderBytes, 0, placeholderBytes.length);
      if (state === dead) return true;
      if (mask.end > end || hasLineEnd(bytes, at - base, mask.end - base)) return false;
      length += placeholderBytes.length;
      at = mask.end;
    }
    return known.ended && at === end && gate.atEnd(state) === dead;
  }

  /** Runs the pattern over the view. Returns false, without a result, if the view cannot have all that the pattern reads. */
  #lookInView(start: number, rule: CompiledRule, known: LookedAt): boolean {
    const size = Math.min(rule.windowBytes, shortWindow);
    const part = {
      start: Math.max(known.window.base, start - lookbehind),
      end: known.ended ? known.window.end : known.decidedTo,
    };
    const isUsable = ({ masked, changes }: MaskedView): boolean => {
      if (changes !== this.#spans.changes || masked.hasLines || part.start < masked.start) return false;
      const at = indexOf(masked.segments, start);
      const isEnd = known.ended && masked.end === known.window.end;
      return at !== undefined && (isEnd || at + size + 3 * lookbehind <= masked.text.length);
    };
    if (this.#view === undefined || !isUsable(this.#view)) {
      if (!known.ended && part.end - start < size) return false;
      // If the last view was not used to its end, the next one is smaller.
      const wasUsed = this.#view?.changes === this.#spans.changes;
      this.#viewSize = Math.min(largestView, Math.max(wasUsed ? this.#viewSize * 2 : this.#viewSize / 2, 2 * size));
      this.#view = { masked: this.#maskedText(known, part, this.#viewSize), changes: this.#spans.changes };
      if (!isUsable(this.#view)) return false;
    }
    return this.#runPattern(rule, start, this.#view.masked, size);
  }

  /** Returns false if the pattern may read more than `size` bytes of masked text, or more than are known. */
  #lookWithin(start: number, rule: CompiledRule, size: number, reach: number, known: LookedAt): boolean {
    const from = Math.max(known.window.base, start - lookbehind);
    const isShort = size < rule.windowBytes;
    const furthest = start + (isShort ? 2 * size : size + longestMask);
    const limit = Math.min(known.ended ? known.window.end : known.decidedTo, furthest);
    const first = this.#spans.rangeAfter(known.lastMask, from);
    if (first === undefined || first.start >= limit) return !isShort;
    if (first.start >= reach) return true;
    const needed = size + 3 * lookbehind;
    const text = this.#maskedText(known, { start: from, end: limit }, needed);
    const isWhole = (known.ended && limit === known.window.end) || text.text.length >= needed;
    if (!isWhole && (isShort || limit < furthest)) return false;
    return this.#runPattern(rule, start, text, size);
  }

  /** Masks a part of the stream. The output has at most about `longest` bytes. */
  #maskedText({ window, lastMask }: LookedAt, part: BytePart, longest: number): MaskedText {
    const writer = new PlaceholderWriter(Math.min(longest, part.end - part.start) + 4 * maskPlaceholder.length);
    const segments: Segment[] = [];
    let at = part.start;
    const write = (end: number, isMasked: boolean) => {
      if (end <= at || writer.length >= longest) return;
      const to = isMasked ? end : Math.min(end, at + longest - writer.length);
      const outStart = writer.length;
      writer[isMasked ? 'masked' : 'clear'](window.bytes, at - window.base, to - window.base);
      segments.push({ range: { start: at, end: to }, isMasked, outStart, outEnd: writer.length });
      at = to;
    };
    while (at < part.end && writer.length < longest) {
      const mask = this.#spans.rangeAfter(lastMask, at);
      if (mask === undefined || mask.start >= part.end) break;
      write(mask.start, false);
      write(Math.min(mask.end, part.end), true);
    }
    write(part.end, false);
    const text = decoder.decode(writer.take(true));
    this.steps += text.length;
    const masks = segments.filter((segment) => segment.isMasked);
    const hasLines = masks.some(({ range }) =>
      hasLineEnd(window.bytes, range.start - window.base, range.end - window.base),
    );
    return { text, segments, start: part.start, end: at, hasLines };
  }

  /** Returns false, without a result, if the pattern may read more than `size` bytes. */
  #runPattern(compiled: CompiledRule, start: number, masked: MaskedText, size: number): boolean {
    const { rule, rank } = compiled;
    const { segments } = masked;
    const at = indexOf(segments, start);
    if (at === undefined) return true;
    const from = Math.max(0, at - lookbehind);
    const text = masked.text.slice(from, at + size);
    rule.pattern.lastIndex = at - from;
    const match = rule.pattern.exec(text);
    if (size < compiled.windowBytes && !endsWord(text, at - from, match)) return false;
    if (match === null) return true;
    for (const [secret, rangeOf] of secretsOf(match)) {
      if (!acceptsSecret(rule, secret, match.groups ?? {})) continue;
      if (this.#confirmed && rule.confirms?.(secret) === false) continue;
      const [first, last] = rangeOf();
      const start = positionOf(segments, Math.max(0, from + first - (rule.lead ?? 0)), false);
      this.#spans.add({ start, end: positionOf(segments, from + last, true), rule: rule.id, rank });
    }
    return true;
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === 0x0a || byte === 0x0d;
}

function hasLineEnd(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (isLineEnd(bytes[at])) return true;
  return false;
}

/** Returns true if a word ends after the match, and after all bytes that every pattern may read. */
function endsWord(text: string, at: number, match: RegExpExecArray | null): boolean {
  endOfWord.lastIndex = at + Math.max(surelyRead, match?.[0].length ?? 0);
  return endOfWord.test(text);
}

/** A masked part of the stream. */
interface MaskedText {
  /** The masked text, with one character for each byte. */
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly start: number;
  readonly end: number;
  /** True if a mask contains line ends. How such a mask is written depends on the text before the part. */
  readonly hasLines: boolean;
}

/** A masked text that several hits use. It is valid while `changes` of the spans is the same. */
interface MaskedView {
  readonly masked: MaskedText;
  readonly changes: number;
}

/** Returns the index of the first segment for which `isAfter` returns true. It must return true for all later segments. */
function firstSegment(segments: readonly Segment[], isAfter: (segment: Segment) => boolean): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const segment = segments[middle];
    if (segment !== undefined && isAfter(segment)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Converts a position in the stream to an index in the masked text. Returns undefined if the position is masked. */
function indexOf(segments: readonly Segment[], position: number): number | undefined {
  const segment = segments[firstSegment(segments, ({ range }) => range.end > position)];
  if (segment === undefined || segment.isMasked || segment.range.start > position) return undefined;
  return segment.outStart + position - segment.range.start;
}

/**
 * Converts an index in the masked text to a position in the stream. If the index is inside a placeholder, returns the
 * start of the masked range, or its end if `isEnd` is true.
 */
function positionOf(segments: readonly Segment[], index: number, isEnd: boolean): number {
  const first = firstSegment(segments, ({ outEnd }) => (isEnd ? index <= outEnd : index < outEnd));
  const segment = segments[first] ?? segments.at(-1);
  if (segment === undefined) return 0;
  if (segment.isMasked) return isEnd ? segment.range.end : segment.range.start;
  return segment.range.start + Math.min(index, segment.outEnd) - segment.outStart;
}

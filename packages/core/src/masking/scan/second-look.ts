import { HitQueue } from './hit-queue.ts';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { acceptsSecret } from '../secret-rule.ts';
import type { ByteWindow } from './byte-window.ts';
import type { CompiledRule, CompiledRules } from './compiled-rules.ts';
import { PlaceholderWriter } from './placeholder-writer.ts';
import { lookbehind, secretsOf, surelyRead } from './rule-match.ts';
import type { MaskedRange, SpanQueue } from './span-queue.ts';

/**
 * A masked text is shorter than its source. So a second run of a pattern may need more source bytes than the first, but
 * at most this number of additional bytes.
 */
const longestMask = 65_536;
/** Patterns run first over a text of this number of bytes. Most patterns do not read more, even if they may. */
const shortWindow = 1024;
const endOfWord = /[\s"'`&;,<>|(){}[\]\\]/g;
const decoder = new TextDecoder('latin1');

/** A range of the stream, with its position in the masked text. */
interface Segment {
  readonly range: MaskedRange;
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
    // A pattern must not begin in a masked text.
    if ((known.lastMask.start <= start && start < known.lastMask.end) || this.#spans.covers(start)) return true;
    const windowEnd = start + rule.windowBytes;
    if (!known.ended && known.decidedTo < windowEnd) return false;
    if (rule.windowBytes > shortWindow && this.#lookWithin(start, rule, shortWindow, reach, known)) return true;
    return this.#lookWithin(start, rule, rule.windowBytes, reach, known);
  }

  /** Returns false if the pattern may read more than `size` bytes of masked text, or more than are known. */
  #lookWithin(start: number, rule: CompiledRule, size: number, reach: number, known: LookedAt): boolean {
    const from = Math.max(known.window.base, start - lookbehind);
    const isShort = size < rule.windowBytes;
    const furthest = start + (isShort ? 2 * size : size + longestMask);
    const limit = Math.min(known.ended ? known.window.end : known.decidedTo, furthest);
    const masks = this.#spans.rangesWithin(known.lastMask, from, limit);
    const first = masks[0];
    if (first === undefined) return !isShort;
    if (first.start >= reach) return true;
    const needed = size + 3 * lookbehind;
    const text = maskedText(known.window, masks, { start: from, end: limit }, needed);
    const isWhole = (known.ended && limit === known.window.end) || text.bytes.length >= needed;
    if (!isWhole && (isShort || limit < furthest)) return false;
    return this.#runPattern(rule, start, text, size);
  }

  /** Returns false, without a result, if the pattern may read more than `size` bytes. */
  #runPattern(compiled: CompiledRule, start: number, { bytes, segments }: MaskedText, size: number): boolean {
    const { rule, rank } = compiled;
    const own = segments.find(({ range, isMasked }) => !isMasked && range.start <= start && start < range.end);
    if (own === undefined) return true;
    const at = own.outStart + start - own.range.start;
    const from = Math.max(0, at - lookbehind);
    const text = decoder.decode(bytes.subarray(from, at + size));
    this.steps += bytes.length;
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

/** Returns true if a word ends after the match, and after all bytes that every pattern may read. */
function endsWord(text: string, at: number, match: RegExpExecArray | null): boolean {
  endOfWord.lastIndex = at + Math.max(surelyRead, match?.[0].length ?? 0);
  return endOfWord.test(text);
}

interface MaskedText {
  readonly bytes: Uint8Array;
  readonly segments: readonly Segment[];
}

/** Masks a part of the stream. The output has at most about `longest` bytes. */
function maskedText(window: ByteWindow, masks: readonly MaskedRange[], part: MaskedRange, longest: number): MaskedText {
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
  for (const mask of masks) {
    write(mask.start, false);
    write(Math.min(mask.end, part.end), true);
  }
  write(part.end, false);
  return { bytes: writer.take(true), segments };
}

/**
 * Converts an index in the masked text to a position in the stream. If the index is inside a placeholder, returns the
 * start of the masked range, or its end if `isEnd` is true.
 */
function positionOf(segments: readonly Segment[], index: number, isEnd: boolean): number {
  const segment = segments.find(({ outEnd }) => (isEnd ? index <= outEnd : index < outEnd)) ?? segments.at(-1);
  if (segment === undefined) return 0;
  if (segment.isMasked) return isEnd ? segment.range.end : segment.range.start;
  return segment.range.start + Math.min(index, segment.outEnd) - segment.outStart;
}

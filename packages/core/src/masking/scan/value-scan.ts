import type { ByteWindow } from './byte-window.ts';
import { LongForm } from './long-form.ts';
import type { SpanQueue } from './span-queue.ts';
import { filterBits, gramHash } from '../values/value-index.ts';
import type { ValueIndex } from '../values/value-index.ts';

/**
 * A possible form of a known value at position `at`. Its first `matched` bytes were found there. If `form` is -1, the
 * forms are not known yet, because too few bytes of the text were read.
 */
interface PartialMatch {
  readonly at: number;
  readonly form: number;
  readonly matched: number;
}

/** If a comparison reads more bytes than this, its result is stored for later comparisons. */
const shortComparison = 64;

/** Finds the forms of known values in one stream. */
export class ValueScan {
  /**
   * Number of bytes that were read or compared. Tests use it to check that the work is linear in the length of the
   * input.
   */
  steps = 0;
  readonly #index: ValueIndex;
  /** Matches must not begin before this position. */
  readonly #from: number;
  #nextSample: number;
  #partial: PartialMatch[] = [];
  /** The forms whose comparisons can be long. The key is the index of the form. */
  readonly #long = new Map<number, LongForm>();

  constructor(index: ValueIndex, from: number) {
    this.#index = index;
    this.#from = from;
    this.#nextSample = from;
  }

  /** Adds a span for each form that is now complete. Must be called whenever bytes were added to `window`. */
  scan(window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    if (this.#partial.length > 0) {
      const waiting = this.#partial;
      this.#partial = [];
      for (const match of waiting) this.#advance(match, window, ended, spans);
    }
    this.#readSamples(window, ended, spans);
  }

  /** Returns the position of the first byte that may belong to an incomplete form. */
  holdFrom(window: ByteWindow): number {
    const { bytes, base, end } = window;
    const index = this.#index;
    let hold = end;
    for (let at = Math.max(this.#from, end - index.reach + 1); at < end; at += 1) {
      if (!index.mayStart(bytes, at - base, end - at)) continue;
      hold = at;
      break;
    }
    for (const match of this.#partial) hold = Math.min(hold, match.at);
    const before = hold - 1;
    return index.sharesBefore && before >= this.#from && isBase64(bytes[before - base]) ? before : hold;
  }

  #readSamples(window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    const { view, base } = window;
    const { filter, filterShift, stride, gram } = this.#index;
    const isLong = gram === 8;
    const limit = window.end - base - gram + 1;
    let at = this.#nextSample - base;
    if (at < limit) this.steps += limit - at;
    for (; at < limit; at += stride) {
      const hash = gramHash(view.getInt32(at, true), isLong ? view.getInt32(at + 4, true) : 0);
      const bits = filterBits(hash);
      if (((filter[hash >>> filterShift] ?? 0) & bits) === bits)
        this.#readCandidates(hash, base + at, window, ended, spans);
    }
    this.#nextSample = base + at;
  }

  /** Compares the forms that contain a gram (4 or 8 bytes of the text), in the order of their positions. */
  #readCandidates(hash: number, position: number, window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    const offsets = this.#index.offsetsOf(hash);
    for (let offset = 31 - Math.clz32(offsets); offset >= 0; offset -= 1) {
      const at = position - offset;
      if (((offsets >>> offset) & 1) === 1 && at >= this.#from) {
        this.#advance({ at, form: -1, matched: 0 }, window, ended, spans);
      }
    }
  }

  #advance(match: PartialMatch, window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    if (match.form !== -1) {
      this.#compare(match, window, ended, spans);
      this.#compareWaiting(match.form, window, ended, spans);
      return;
    }
    if (window.end - match.at < this.#index.window) {
      if (!ended) this.#partial.push(match);
      return;
    }
    let form = this.#index.firstAt(window.bytes, match.at - window.base);
    while (form !== -1) {
      const at = match.at - this.#index.anchorOf(form);
      if (at >= this.#from) this.#begin(at, form, window, ended, spans);
      form = this.#index.nextOf(form);
    }
  }

  #begin(at: number, form: number, window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    const long = this.#long.get(form);
    this.steps += 1;
    if (long?.isOpen === true) {
      long.wait(at);
      return;
    }
    const matched = long?.knownAt(at) ?? 0;
    if (matched !== -1) this.#compare({ at, form, matched }, window, ended, spans);
  }

  #compareWaiting(form: number, window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    const long = this.#long.get(form);
    for (let at = long?.next(); at !== undefined; at = long?.next()) this.#begin(at, form, window, ended, spans);
  }

  #compare(match: PartialMatch, window: ByteWindow, ended: boolean, spans: SpanQueue): void {
    const { at, form } = match;
    const available = window.end - at;
    const matched = this.#index.agreement(form, window.bytes, at - window.base, match.matched, available);
    this.steps += matched - match.matched + 1;
    const { bytes, sharesAfter } = this.#index.form(form);
    const isComplete = matched === bytes.length;
    const isFound = isComplete && (ended || !sharesAfter || available >= matched + 3);
    const isOpen = !isFound && !ended && (isComplete || matched === available);
    if (isFound) this.#addSpan(match, window, spans);
    else if (isOpen) this.#partial.push({ at, form, matched });
    const isLong = matched > shortComparison || (isOpen && bytes.length > shortComparison);
    if (isLong) this.#remember(match, matched, isOpen);
    else this.#long.get(form)?.compared(at, matched, isOpen);
  }

  #remember({ at, form }: PartialMatch, matched: number, isOpen: boolean): void {
    let long = this.#long.get(form);
    if (long === undefined) this.#long.set(form, (long = new LongForm(this.#index.form(form).bytes)));
    long.compared(at, matched, isOpen);
  }

  /**
   * Adds the span of a form. For base64, the span also includes the characters before and after it that contain bits of
   * the value, and the padding.
   */
  #addSpan({ at, form }: PartialMatch, window: ByteWindow, spans: SpanQueue): void {
    const { bytes, base } = window;
    const { bytes: text, rule, sharesBefore, sharesAfter } = this.#index.form(form);
    let start = at;
    let end = at + text.length;
    if (sharesBefore && start > this.#from && isBase64(bytes[start - 1 - base])) start -= 1;
    if (sharesAfter && end < window.end && isBase64(bytes[end - base])) {
      end += 1;
      for (let padding = 0; padding < 2 && end < window.end && bytes[end - base] === 0x3d; padding += 1) end += 1;
    }
    spans.add({ start, end, rule, rank: 0 });
  }
}

function isBase64(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (byte >= 0x2f && byte <= 0x39) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x5f
  );
}

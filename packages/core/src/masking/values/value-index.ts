import { PrefixFilter, wordAt } from './prefix-filter.ts';
import type { ValueForm } from './value-forms.ts';

/**
 * How an index reads forms. A window is a part of a form, and a gram is a part of a window. With longer windows, a scan
 * reads fewer grams, but no form may be shorter than a window.
 */
interface Sampling {
  readonly gram: 4 | 8;
  readonly longestWindow: number;
}

const shortForms: Sampling = { gram: 4, longestWindow: 12 };
/**
 * Forms in hex are long. 10,000 of them contain nearly all grams of 4 hex digits, but few of those of 8 hex digits. So
 * the grams of long forms have 8 bytes.
 */
const longForms: Sampling = { gram: 8, longestWindow: 15 };

const longestAnchor = 1000;
const shortChain = 4;
const multiplier = 0x9e3779b1;

/** Returns one index for the short forms and one for the long forms. There is no index for an empty list. */
export function indexForms(forms: readonly ValueForm[]): ValueIndex[] {
  const isLong = (form: ValueForm) => form.bytes.length >= longForms.longestWindow;
  const short = forms.filter((form) => !isLong(form));
  const long = forms.filter(isLong);
  return [
    ...(short.length === 0 ? [] : [new ValueIndex(short, shortForms)]),
    ...(long.length === 0 ? [] : [new ValueIndex(long, longForms)]),
  ];
}

/**
 * An index that finds exact byte sequences (forms) in a text. A scan reads one gram (4 or 8 bytes) in every `stride`
 * bytes. Each form has a window that is long enough to contain such a gram, wherever the form begins. A dense automaton
 * for 10,000 values with their forms would need more than 500 MiB. This index needs about 20 MiB, and its reads do not
 * depend on one another.
 */
export class ValueIndex {
  readonly window: number;
  readonly stride: number;
  readonly gram: 4 | 8;
  /** Bitmap of the hashes of all grams. One read rejects most grams of a text, because they are not in it. */
  readonly filter: Int32Array;
  readonly filterShift: number;
  readonly sharesBefore: boolean;
  readonly #forms: readonly ValueForm[];
  readonly #arena: Uint8Array;
  readonly #starts: Uint32Array;
  /**
   * The index of an entry is the first bits of the hash of a gram. Bit n of the entry is set if some form has such a
   * gram at offset n of its window.
   */
  readonly #offsets: Uint16Array;
  readonly #offsetShift: number;
  /**
   * Hash table of the windows. An entry is the form that was added last, or -1. `#next` contains the form that was
   * added before it.
   */
  readonly #heads: Int32Array;
  /** For each form, the hash of its window. */
  readonly #hashes: Int32Array;
  readonly #next: Int32Array;
  readonly #chainLengths: Uint32Array;
  readonly #headShift: number;
  /** For each form, the offset at which its window begins in the form. */
  readonly #anchors: Uint16Array;
  readonly #prefixes = new PrefixFilter();
  #reach = 0;

  constructor(forms: readonly ValueForm[], { gram, longestWindow }: Sampling) {
    this.#forms = forms;
    const lengths = forms.map((form) => form.bytes.length);
    this.sharesBefore = forms.some((form) => form.sharesBefore);
    this.window = lengths.reduce((shortest, length) => Math.min(shortest, length), longestWindow);
    this.gram = gram;
    this.stride = this.window - gram + 1;
    this.#starts = new Uint32Array(forms.length + 1);
    lengths.forEach((length, index) => (this.#starts[index + 1] = (this.#starts[index] ?? 0) + length));
    this.#arena = new Uint8Array(this.#starts[forms.length] ?? 0);
    const gramBits = bitsFor(forms.length * this.stride);
    this.#offsetShift = 32 - gramBits;
    this.#offsets = new Uint16Array(1 << gramBits);
    const filterSize = Math.min(24, gramBits + 4);
    this.filterShift = 37 - filterSize;
    this.filter = new Int32Array(1 << (filterSize - 5));
    const headBits = bitsFor(forms.length * 2);
    this.#headShift = 32 - headBits;
    this.#heads = new Int32Array(1 << headBits).fill(-1);
    this.#chainLengths = new Uint32Array(1 << headBits);
    this.#next = new Int32Array(forms.length).fill(-1);
    this.#hashes = new Int32Array(forms.length);
    this.#anchors = new Uint16Array(forms.length);
    for (let form = 0; form < forms.length; form += 1) this.#add(form);
  }

  form(index: number): ValueForm {
    const form = this.#forms[index];
    if (form === undefined) throw new RangeError(`the index has no form ${index}`);
    return form;
  }

  /** Returns, as a bit set, the offsets in windows at which a gram with this hash may occur. */
  offsetsOf(hash: number): number {
    return this.#offsets[hash >>> this.#offsetShift] ?? 0;
  }

  /** Returns the first form whose window has the same hash as the text at `at`. Returns -1 if there is none. */
  firstAt(bytes: Uint8Array, at: number): number {
    const hash = this.#windowHash(bytes, at);
    return this.#withHash(this.#heads[hash >>> this.#headShift] ?? -1, hash);
  }

  /** Returns the next form whose window has the same hash. Returns -1 after the last one. */
  nextOf(form: number): number {
    return this.#withHash(this.#next[form] ?? -1, this.#hashes[form] ?? 0);
  }

  /** Returns the first form, from `form` on, whose window has this hash. */
  #withHash(form: number, hash: number): number {
    let found = form;
    while (found !== -1 && this.#hashes[found] !== hash) found = this.#next[found] ?? -1;
    return found;
  }

  /**
   * Returns how many bytes, from the beginning of the form, equal the text at `at`. The first `matched` bytes are known
   * to be equal and are not compared again.
   */
  agreement(form: number, bytes: Uint8Array, at: number, matched: number, available: number): number {
    const start = this.#starts[form] ?? 0;
    const length = Math.min((this.#starts[form + 1] ?? 0) - start, available);
    let agreed = matched;
    while (agreed < length && bytes[at + agreed] === this.#arena[start + agreed]) agreed += 1;
    return agreed;
  }

  /** Returns the offset at which the window begins in a form. */
  anchorOf(form: number): number {
    return this.#anchors[form] ?? 0;
  }

  /** The window of every form is within its first bytes. This is their number. */
  get reach(): number {
    return this.#reach;
  }

  /**
   * Returns true if these bytes, which are fewer than `reach`, may be the beginning of a form. May return true for
   * other bytes too.
   */
  mayStart(bytes: Uint8Array, at: number, length: number): boolean {
    return this.#prefixes.mayStart(bytes, at, length);
  }

  #add(form: number): void {
    const bytes = this.#forms[form]?.bytes ?? '';
    const start = this.#starts[form] ?? 0;
    for (let at = 0; at < bytes.length; at += 1) this.#arena[start + at] = bytes.charCodeAt(at);
    const anchor = this.#chooseAnchor(start, Math.min(bytes.length - this.window, longestAnchor));
    this.#anchors[form] = anchor;
    for (let offset = 0; offset < this.stride; offset += 1) {
      const at = start + anchor + offset;
      const hash = gramHash(wordAt(this.#arena, at), this.gram === 8 ? wordAt(this.#arena, at + 4) : 0);
      const word = hash >>> this.filterShift;
      this.filter[word] = (this.filter[word] ?? 0) | filterBits(hash);
      const slot = hash >>> this.#offsetShift;
      this.#offsets[slot] = (this.#offsets[slot] ?? 0) | (1 << offset);
    }
    const hash = this.#windowHash(this.#arena, start + anchor);
    const head = hash >>> this.#headShift;
    this.#hashes[form] = hash;
    this.#next[form] = this.#heads[head] ?? -1;
    this.#heads[head] = form;
    this.#chainLengths[head] = (this.#chainLengths[head] ?? 0) + 1;
    this.#prefixes.add(this.#arena, start, anchor + this.window - 1);
    this.#reach = Math.max(this.#reach, anchor + this.window);
  }

  /**
   * Returns the offset for the window of a form. Few other forms should have the same window. Values may have a common
   * prefix, such as the scheme and host of a URL. Their windows are then in later parts, in which they differ.
   */
  #chooseAnchor(start: number, last: number): number {
    let best = 0;
    let fewest = Infinity;
    const step = this.window >> 1;
    // The last offset is always tried, because values with a common prefix may differ only in their last bytes.
    for (let offset = 0; fewest >= shortChain && offset < last + step; offset += step) {
      const tried = Math.min(offset, last);
      const count = this.#chainLengths[this.#windowHash(this.#arena, start + tried) >>> this.#headShift] ?? 0;
      if (count < fewest) [best, fewest] = [tried, count];
    }
    return best;
  }

  /** Returns the hash of a window. It depends on all bytes of the window. */
  #windowHash(bytes: Uint8Array, at: number): number {
    const last = at + this.window - 4;
    let hash = wordAt(bytes, last);
    for (let word = at; word < last; word += 4) hash = gramHash(hash, wordAt(bytes, word));
    return hash;
  }
}

function bitsFor(entries: number): number {
  return Math.max(10, Math.ceil(Math.log2(entries + 1)));
}

/** Returns the two bits that represent a gram in its word of the filter. */
export function filterBits(hash: number): number {
  return (1 << (hash & 31)) | (1 << ((hash >>> 5) & 31));
}

/**
 * Returns the hash of a gram of 8 bytes, or of 4 bytes if `second` is 0. All bytes of the gram change both the high and
 * the low bits of the hash.
 */
export function gramHash(first: number, second: number): number {
  const mixed = Math.imul(first, multiplier);
  const hash = Math.imul(mixed ^ (mixed >>> 15) ^ second, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

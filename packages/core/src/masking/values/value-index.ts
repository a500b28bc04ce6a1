import type { ValueForm } from './value-forms.ts';

/** How the forms of an index are sampled. A longer window allows a longer stride, but each form must have a window. */
interface Sampling {
  readonly gram: 4 | 8;
  readonly longestWindow: number;
}

const shortForms: Sampling = { gram: 4, longestWindow: 12 };
/** Hexadecimal forms are long. 10,000 of them have nearly all grams of 4 digits, and few of those of 8 digits. */
const longForms: Sampling = { gram: 8, longestWindow: 15 };

const multiplier = 0x9e3779b1;

/** Returns one index for the short forms and one for the long ones. */
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
 * Index of exact byte sequences. A scan reads one gram in each `stride` bytes of text. Each occurrence of a form contains
 * such a gram within its first `window` bytes, because the window is shorter than stride and gram together. A dense
 * automaton for 10,000 values with their forms would need more than 500 MiB; this index needs some 25 MiB, and its reads
 * do not depend on one another.
 */
export class ValueIndex {
  readonly window: number;
  readonly stride: number;
  readonly gram: 4 | 8;
  /** Bitmap over the hashes of grams, which rejects nearly all grams of a text. */
  readonly filter: Int32Array;
  readonly filterShift: number;
  readonly sharesBefore: boolean;
  readonly #forms: readonly ValueForm[];
  readonly #arena: Uint8Array;
  readonly #starts: Uint32Array;
  /** Hashes of grams. */
  readonly #grams: Int32Array;
  /** Bit n of an entry: some form has the gram at its offset n. An entry of 0 is free. */
  readonly #offsets: Uint16Array;
  readonly #gramShift: number;
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #headShift: number;
  readonly #prefixes: readonly Int32Array[];

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
    const gramBits = bitsFor(forms.length * this.stride * 2);
    this.#gramShift = 32 - gramBits;
    this.#grams = new Int32Array(1 << gramBits);
    this.#offsets = new Uint16Array(1 << gramBits);
    const filterBits = Math.min(24, gramBits + 3);
    this.filterShift = 37 - filterBits;
    this.filter = new Int32Array(1 << (filterBits - 5));
    const headBits = bitsFor(forms.length * 2);
    this.#headShift = 32 - headBits;
    this.#heads = new Int32Array(1 << headBits).fill(-1);
    this.#next = new Int32Array(forms.length).fill(-1);
    this.#prefixes = [8, 16, 18, 20].map((bits) => new Int32Array(1 << (bits - 5)));
    for (let form = 0; form < forms.length; form += 1) this.#add(form);
  }

  form(index: number): ValueForm {
    const form = this.#forms[index];
    if (form === undefined) throw new RangeError(`the index has no form ${index}`);
    return form;
  }

  /** The offsets that grams with a hash have in forms, as a bit set. */
  offsetsOf(hash: number): number {
    const mask = this.#grams.length - 1;
    let slot = hash >>> this.#gramShift;
    while (this.#offsets[slot] !== 0) {
      if (this.#grams[slot] === hash) return this.#offsets[slot] ?? 0;
      slot = (slot + 1) & mask;
    }
    return 0;
  }

  /** First form of the chain whose windows have the hash of the window at `at`, or -1. */
  firstAt(bytes: Uint8Array, at: number): number {
    return this.#heads[this.#windowHash(bytes, at)] ?? -1;
  }

  /** Next form of the same chain, or -1. */
  nextOf(form: number): number {
    return this.#next[form] ?? -1;
  }

  /** Number of bytes from `matched` on in which the form and the text agree, counted from the start of the form. */
  agreement(form: number, bytes: Uint8Array, at: number, matched: number, available: number): number {
    const start = this.#starts[form] ?? 0;
    const length = Math.min((this.#starts[form + 1] ?? 0) - start, available);
    let agreed = matched;
    while (agreed < length && bytes[at + agreed] === this.#arena[start + agreed]) agreed += 1;
    return agreed;
  }

  /** Whether fewer bytes than a window may be the start of a form. May say yes for bytes that are not. */
  mayStart(bytes: Uint8Array, at: number, length: number): boolean {
    const level = prefixLevel(length);
    return isMarked(this.#prefixes[level], prefixHash(bytes, at, level));
  }

  #add(form: number): void {
    const bytes = this.#forms[form]?.bytes ?? '';
    const start = this.#starts[form] ?? 0;
    for (let at = 0; at < bytes.length; at += 1) this.#arena[start + at] = bytes.charCodeAt(at);
    for (let offset = 0; offset < this.stride; offset += 1) {
      const first = wordAt(this.#arena, start + offset);
      const hash = gramHash(first, this.gram === 8 ? wordAt(this.#arena, start + offset + 4) : 0);
      const word = hash >>> this.filterShift;
      this.filter[word] = (this.filter[word] ?? 0) | (1 << (hash & 31));
      this.#addGram(hash, offset);
    }
    const head = this.#windowHash(this.#arena, start);
    this.#next[form] = this.#heads[head] ?? -1;
    this.#heads[head] = form;
    for (let level = 0; level <= prefixLevel(this.window); level += 1) {
      mark(this.#prefixes[level], prefixHash(this.#arena, start, level));
    }
  }

  #addGram(hash: number, offset: number): void {
    const mask = this.#grams.length - 1;
    let slot = hash >>> this.#gramShift;
    while (this.#offsets[slot] !== 0 && this.#grams[slot] !== hash) slot = (slot + 1) & mask;
    this.#grams[slot] = hash;
    this.#offsets[slot] = (this.#offsets[slot] ?? 0) | (1 << offset);
  }

  #windowHash(bytes: Uint8Array, at: number): number {
    return gramHash(wordAt(bytes, at), wordAt(bytes, at + this.window - 4)) >>> this.#headShift;
  }
}

function bitsFor(entries: number): number {
  return Math.max(10, Math.ceil(Math.log2(entries + 1)));
}

/** Hash of a gram of 8 bytes, or of 4 bytes where `second` is 0. Its high bits and its low bits depend on all bytes. */
export function gramHash(first: number, second: number): number {
  const mixed = Math.imul(first, multiplier);
  const hash = Math.imul(mixed ^ (mixed >>> 15) ^ second, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/** Prefixes are kept of 1, 2, 4 and 8 bytes. Returns the index of the longest one within `length`. */
function prefixLevel(length: number): number {
  return length >= 8 ? 3 : length >= 4 ? 2 : length >= 2 ? 1 : 0;
}

function prefixHash(bytes: Uint8Array, at: number, level: number): number {
  if (level === 0) return bytes[at] ?? 0;
  if (level === 1) return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  const first = Math.imul(wordAt(bytes, at), multiplier);
  return level === 2 ? first >>> 14 : Math.imul(first ^ wordAt(bytes, at + 4), multiplier) >>> 12;
}

function mark(bitmap: Int32Array | undefined, bit: number): void {
  if (bitmap !== undefined) bitmap[bit >>> 5] = (bitmap[bit >>> 5] ?? 0) | (1 << (bit & 31));
}

function isMarked(bitmap: Int32Array | undefined, bit: number): boolean {
  return (((bitmap?.[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
}

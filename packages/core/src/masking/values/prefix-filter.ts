/**
 * For prefixes of 1, 2 and 4 bytes, the number of bits of a hash. A bitmap has one bit for each hash. For 1 and 2
 * bytes, the hash is the prefix itself.
 */
const bitmapBits = [8, 16, 18];
const bitsOfLongPrefixes = 20;
const multiplier = 0x9e3779b1;

/**
 * Decides fast whether bytes may be the beginning of a form. It contains the prefixes of 1, 2, 4, 8 … bytes of all
 * forms. `mayStart` returns true for every beginning of a form, and seldom for other bytes.
 */
export class PrefixFilter {
  readonly #bitmaps: Int32Array[] = [];

  /** Adds the prefixes of a form, up to `length` bytes. */
  add(bytes: Uint8Array, start: number, length: number): void {
    for (let level = 0; 1 << level <= length; level += 1) {
      const bit = prefixHash(bytes, start, level);
      const bitmap = (this.#bitmaps[level] ??= new Int32Array(1 << ((bitmapBits[level] ?? bitsOfLongPrefixes) - 5)));
      bitmap[bit >>> 5] = (bitmap[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  mayStart(bytes: Uint8Array, start: number, length: number): boolean {
    const level = 31 - Math.clz32(length);
    // The test of a short prefix is fast, and nearly all bytes fail it.
    if (level > 2 && !this.#has(bytes, start, 2)) return false;
    return this.#has(bytes, start, level);
  }

  #has(bytes: Uint8Array, start: number, level: number): boolean {
    const bit = prefixHash(bytes, start, level);
    return (((this.#bitmaps[level]?.[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }
}

/** Returns the hash of the prefix of `1 << level` bytes. */
function prefixHash(bytes: Uint8Array, start: number, level: number): number {
  if (level === 0) return bytes[start] ?? 0;
  if (level === 1) return (bytes[start] ?? 0) | ((bytes[start + 1] ?? 0) << 8);
  let hash = 0;
  for (let at = start; at < start + (1 << level); at += 4) {
    hash = Math.imul((hash ^ (hash >>> 15)) + wordAt(bytes, at), multiplier);
  }
  return hash >>> (32 - (bitmapBits[level] ?? bitsOfLongPrefixes));
}

export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

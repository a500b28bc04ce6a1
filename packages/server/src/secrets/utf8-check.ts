import { isUtf8 } from 'node:buffer';

/** Checks that a sequence of chunks is valid UTF-8. A chunk may end inside a character. */
export class Utf8Check {
  /** The first bytes of a character whose other bytes are in the next chunk. */
  #cut = new Uint8Array(0);
  #isValid = true;

  write(chunk: Uint8Array): void {
    if (this.#isValid) this.#isValid = this.#check(chunk);
  }

  /** False if the bytes so far are not valid. */
  get isValid(): boolean {
    return this.#isValid;
  }

  #check(chunk: Uint8Array): boolean {
    let rest = chunk;
    if (this.#cut.length > 0) {
      const missing = lengthOfCharacter(this.#cut[0] ?? 0) - this.#cut.length;
      this.#cut = joined(this.#cut, chunk.subarray(0, missing));
      if (chunk.length < missing) return true;
      if (!isUtf8(this.#cut)) return false;
      rest = chunk.subarray(missing);
    }
    const end = rest.length - cutBytes(rest);
    this.#cut = rest.slice(end);
    return isUtf8(rest.subarray(0, end));
  }

  /** True if the last chunk did not end inside a character. */
  get isComplete(): boolean {
    return this.#cut.length === 0;
  }
}

/** Returns how many bytes at the end of `bytes` belong to an incomplete character. */
function cutBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    const isContinuation = (byte & 0xc0) === 0x80;
    if (!isContinuation) return lengthOfCharacter(byte) > back ? back : 0;
  }
  return 0;
}

function lengthOfCharacter(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

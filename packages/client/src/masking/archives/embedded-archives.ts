/** Length in bytes of the longest signature (the first bytes of a compressed format). */
const signatureBytes = 10;

/**
 * Signatures of compressed data that can follow a text or a program, such as a script that unpacks itself. Three bytes
 * of a signature may also occur by chance. So each has a test, which gets at least `signatureBytes` bytes from the
 * signature on.
 */
const signatures: readonly {
  readonly format: string;
  readonly bytes: Buffer;
  readonly test?: (at: Buffer) => boolean;
}[] = [
  { format: 'gzip', bytes: Buffer.from([0x1f, 0x8b, 0x08]), test: isGzipHeader },
  { format: 'zip', bytes: Buffer.from([0x50, 0x4b, 0x03, 0x04]), test: (at) => (at[5] ?? 0xff) === 0 },
  { format: 'xz', bytes: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) },
  { format: '7-Zip', bytes: Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]) },
  { format: 'zstd', bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), test: (at) => ((at[4] ?? 0xff) & 0x18) === 0 },
  { format: 'LZMA', bytes: Buffer.from([0x5d, 0, 0]), test: isLzmaHeader },
  { format: 'bzip2', bytes: Buffer.from('1AY&SY') },
];

/** The size of the dictionary is a power of two, and the size of the content is unknown. Usual programs write it so. */
function isLzmaHeader(at: Buffer): boolean {
  const dictionary = (at[3] ?? 0) | ((at[4] ?? 0) << 8);
  const isPower = dictionary !== 0 && (dictionary & (dictionary - 1)) === 0;
  return isPower && at.subarray(5, signatureBytes).every((byte) => byte === 0xff);
}

function isGzipHeader(at: Buffer): boolean {
  const [flags = 0xff, extra = 0xff, system = 0x80] = [at[3], at[8], at[9]];
  return flags < 0x20 && [0, 2, 4].includes(extra) && (system <= 19 || system === 0xff);
}

/** Searches for compressed data inside a content, that is, after its first byte. */
export class EmbeddedArchives {
  /** The format that was found first, and its position. */
  found: { readonly format: string; readonly offset: number } | undefined;
  #rest = Buffer.alloc(0);
  #restAt = 0;

  write(piece: Uint8Array): void {
    if (this.found !== undefined) return;
    const bytes = Buffer.concat([this.#rest, piece]);
    for (const { format, bytes: signature, test } of signatures) {
      for (let at = bytes.indexOf(signature); at !== -1; at = bytes.indexOf(signature, at + 1)) {
        const offset = this.#restAt + at;
        const isWhole = at + signatureBytes <= bytes.length;
        if (!isWhole || offset === 0 || test?.(bytes.subarray(at)) === false) continue;
        if (this.found === undefined || offset < this.found.offset) this.found = { format, offset };
      }
    }
    const kept = Math.min(bytes.length, signatureBytes - 1);
    this.#restAt += bytes.length - kept;
    this.#rest = bytes.subarray(bytes.length - kept);
  }
}

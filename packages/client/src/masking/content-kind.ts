/** Number of bytes at the beginning of a file that decide its kind. */
export const kindBytes = 8192;

/**
 * The kind of a content. `text` is masked. All other kinds are only scanned. `utf16` is scanned after decoding. `zip`,
 * `gzip`, `zstd` and `tar` are scanned as bytes, and also each member. `opaque` is an archive whose members cannot be
 * read here.
 */
export type ContentKind = 'text' | 'utf16' | 'zip' | 'gzip' | 'zstd' | 'tar' | 'opaque' | 'binary';

/** Largest share of control characters in a text without NUL bytes. In random bytes, a tenth are control characters. */
const maxControlShare = 0.03;

const signatures: readonly (readonly [ContentKind, number, readonly number[]])[] = [
  ['zip', 0, [0x50, 0x4b, 0x03, 0x04]],
  ['zip', 0, [0x50, 0x4b, 0x05, 0x06]],
  ['gzip', 0, [0x1f, 0x8b, 0x08]],
  ['zstd', 0, [0x28, 0xb5, 0x2f, 0xfd]],
  // The text "ustar".
  ['tar', 257, [0x75, 0x73, 0x74, 0x61, 0x72]],
  // The first bytes of bzip2, xz, 7-Zip and RAR archives.
  ['opaque', 0, [0x42, 0x5a, 0x68]],
  ['opaque', 0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['opaque', 0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['opaque', 0, [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  // PDF has binary parts, but often no NUL near its beginning.
  ['binary', 0, [0x25, 0x50, 0x44, 0x46, 0x2d]],
];

/** Returns the kind of a content. `prefix` is its first `kindBytes` bytes, or the whole content if it is shorter. */
export function contentKindOf(prefix: Uint8Array): ContentKind {
  const found = signatures.find(([, at, bytes]) => bytes.every((byte, index) => prefix[at + index] === byte));
  // A text may also begin with "BZh", the first bytes of a bzip2 archive.
  if (found !== undefined && !(found[0] === 'opaque' && isText(prefix))) return found[0];
  if (isUtf16(prefix)) return 'utf16';
  return isText(prefix) ? 'text' : 'binary';
}

function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

function isText(prefix: Uint8Array): boolean {
  let controls = 0;
  for (const byte of prefix) {
    if (byte === 0) return false;
    // Some control characters occur in texts: backspace, tab, line feed, vertical tab, form feed, carriage return and
    // escape.
    if (byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b) controls += 1;
  }
  return controls <= prefix.length * maxControlShare;
}

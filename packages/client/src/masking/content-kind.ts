import { textEncodingOf } from '@proofhouse/core';
import { isTarHeader } from './archives/tar-members.ts';

/** Number of bytes at the beginning of a file that decide its kind. */
export const kindBytes = 8192;

/**
 * The kind of a content. `text` is masked. All other kinds are only scanned. `utf16` is scanned after decoding. `zip`,
 * `gzip`, `zlib`, `zstd` and `tar` are scanned as bytes, and each member is scanned too. `opaque` is an archive whose
 * members cannot be read here. `media` is an image, a sound, a film or a font.
 */
export type ContentKind = 'text' | 'utf16' | 'zip' | 'gzip' | 'zlib' | 'zstd' | 'tar' | 'opaque' | 'media' | 'binary';

/** Largest share of control characters in a text without NUL bytes. In random bytes, the share is a tenth. */
const maxControlShare = 0.03;

const signatures: readonly (readonly [ContentKind, number, readonly number[]])[] = [
  ['zip', 0, [0x50, 0x4b, 0x03, 0x04]],
  ['zip', 0, [0x50, 0x4b, 0x05, 0x06]],
  ['gzip', 0, [0x1f, 0x8b, 0x08]],
  ['zstd', 0, [0x28, 0xb5, 0x2f, 0xfd]],
  // The text "ustar".
  ['tar', 257, [0x75, 0x73, 0x74, 0x61, 0x72]],
  // The first bytes of bzip2, xz, 7-Zip, RAR, LZMA, LZ4, compress, lzip, lzop, snappy, cabinet, ar and RPM archives.
  ['opaque', 0, [0x42, 0x5a, 0x68]],
  ['opaque', 0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['opaque', 0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['opaque', 0, [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  ['opaque', 0, [0x5d, 0x00, 0x00]],
  ['opaque', 0, [0x04, 0x22, 0x4d, 0x18]],
  ['opaque', 0, [0x1f, 0x9d]],
  ['opaque', 0, [0x4c, 0x5a, 0x49, 0x50, 0x01]],
  ['opaque', 0, [0x89, 0x4c, 0x5a, 0x4f, 0x00]],
  ['opaque', 0, [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]],
  ['opaque', 0, [0x4d, 0x53, 0x43, 0x46, 0x00, 0x00, 0x00, 0x00]],
  ['opaque', 0, [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e, 0x0a]],
  ['opaque', 0, [0xed, 0xab, 0xee, 0xdb]],
  // The first bytes of cpio archives: "07070", then 1, 2 or 7.
  ['opaque', 0, [0x30, 0x37, 0x30, 0x37, 0x30, 0x31]],
  ['opaque', 0, [0x30, 0x37, 0x30, 0x37, 0x30, 0x32]],
  ['opaque', 0, [0x30, 0x37, 0x30, 0x37, 0x30, 0x37]],
  // The first bytes of PNG, JPEG, GIF, RIFF (WebP, WAV), MP4 and AVIF, Ogg, MP3, Matroska, WOFF and WOFF2 files.
  ['media', 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['media', 0, [0xff, 0xd8, 0xff]],
  ['media', 0, [0x47, 0x49, 0x46, 0x38]],
  ['media', 0, [0x52, 0x49, 0x46, 0x46]],
  ['media', 4, [0x66, 0x74, 0x79, 0x70]],
  ['media', 0, [0x4f, 0x67, 0x67, 0x53]],
  ['media', 0, [0x49, 0x44, 0x33]],
  ['media', 0, [0x1a, 0x45, 0xdf, 0xa3]],
  ['media', 0, [0x77, 0x4f, 0x46, 0x46]],
  ['media', 0, [0x77, 0x4f, 0x46, 0x32]],
  // PDF has binary parts, but often no NUL near its beginning.
  ['binary', 0, [0x25, 0x50, 0x44, 0x46, 0x2d]],
];

/** Returns the kind of a content. `prefix` is its first `kindBytes` bytes, or the whole content if it is shorter. */
export function contentKindOf(prefix: Uint8Array): ContentKind {
  const found = signatures.find(([, at, bytes]) => bytes.every((byte, index) => prefix[at + index] === byte));
  // Some signatures consist of letters, such as "BZh". A text may begin with these letters too.
  const mayBeText = found === undefined || found[0] === 'opaque' || found[0] === 'media';
  if (found !== undefined && !(mayBeText && isText(prefix))) return found[0];
  if (textEncodingOf(prefix)?.startsWith('utf-16') === true) return 'utf16';
  if (isText(prefix)) return 'text';
  if (isZlib(prefix)) return 'zlib';
  return isTarHeader(prefix) ? 'tar' : 'binary';
}

/** Returns true if the bytes look compressed or encrypted, because all byte values are about equally frequent. */
export function looksCompressed(prefix: Uint8Array): boolean {
  if (prefix.length < 32) return false;
  const counts = new Uint32Array(256);
  for (const byte of prefix) counts[byte] = (counts[byte] ?? 0) + 1;
  const entropy = counts.reduce((sum, count) => {
    const share = count / prefix.length;
    return count === 0 ? sum : sum - share * Math.log2(share);
  }, 0);
  return entropy >= compressedShare * Math.min(8, Math.log2(prefix.length));
}

/** Compressed bytes have at least this share of the largest possible entropy. Programs have less than 0.85. */
const compressedShare = 0.88;

/** A zlib stream (RFC 1950) of any compression level and window, without a preset dictionary. */
function isZlib([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x8f) === 8 && (second & 0x20) === 0 && (first * 256 + second) % 31 === 0;
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

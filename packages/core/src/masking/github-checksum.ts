const base62Digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const checksumLength = 6;

/**
 * Returns true if the last six characters of a GitHub token are its checksum: the CRC-32, in base 62, of the characters
 * after the prefix. Tokens of 40 characters have this checksum.
 */
export function hasGithubChecksum(token: string): boolean {
  const body = token.slice(token.indexOf('_') + 1);
  const end = body.length - checksumLength;
  return end > 0 && body.slice(end) === githubChecksum(body.slice(0, end));
}

/**
 * Returns the checksum of `random`, the characters between the prefix of a token and its checksum. Leading zeros are
 * kept.
 */
export function githubChecksum(random: string): string {
  let rest = crc32(random);
  let text = '';
  while (rest > 0) {
    text = base62Digits.charAt(rest % base62Digits.length) + text;
    rest = Math.floor(rest / base62Digits.length);
  }
  return text.padStart(checksumLength, '0');
}

/** Returns the CRC-32 (as zlib defines it) of an ASCII text. */
function crc32(text: string): number {
  let crc = 0xff_ff_ff_ff;
  for (let index = 0; index < text.length; index++) {
    crc ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xed_b8_83_20 : 0);
  }
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}

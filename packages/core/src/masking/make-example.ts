const alphabets = {
  hex: '0123456789abcdef',
  upperHex: '0123456789ABCDEF',
  digits: '0123456789',
  lower: 'abcdefghijklmnopqrstuvwxyz0123456789',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  letters: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
  base32: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
  base62: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  base64: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  base64url: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-',
} as const;

export type ExampleAlphabet = keyof typeof alphabets;

/**
 * Returns `length` characters that look random, for the examples of rules. Equal arguments give equal texts. Examples
 * must be built with this function, because code hosts reject a push that contains a complete secret.
 */
export function makeExample(alphabet: ExampleAlphabet, length: number, seed = 1): string {
  const characters = alphabets[alphabet];
  let state = (seed * 2_654_435_761 + length * 40_503) >>> 0;
  let text = '';
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += characters.charAt(Math.floor((state / 2 ** 32) * characters.length));
  }
  return text;
}

const decoder = new TextDecoder('latin1');
const characters = Array.from({ length: 256 }, (_, byte) => decoder.decode(Uint8Array.of(byte)));
const known = new Map<string, Uint8Array>();

/**
 * Returns an array with 1 for each byte whose character matches the regular expression, and 0 for all others. Bytes are
 * decoded as for the patterns of rules. `source` must match one character.
 */
export function byteSet(source: string, flags: string): Uint8Array {
  const key = `${flags}/${source}`;
  let set = known.get(key);
  if (set === undefined) {
    const pattern = new RegExp(`^${source}$`, flags);
    set = Uint8Array.from(characters, (character) => (pattern.test(character) ? 1 : 0));
    known.set(key, set);
  }
  return set;
}

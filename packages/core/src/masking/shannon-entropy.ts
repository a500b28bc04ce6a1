/** The number of occurrences of each character below 256. Used only during one call. */
const counts = new Uint32Array(256);

/**
 * Returns the Shannon entropy of a text in bits per character. It is 0 for one repeated character and 4 for random hex
 * digits.
 */
export function shannonEntropy(text: string): number {
  const others = new Map<number, number>();
  counts.fill(0);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 256) counts[code] = (counts[code] ?? 0) + 1;
    else others.set(code, (others.get(code) ?? 0) + 1);
  }
  let bits = 0;
  for (const count of counts) if (count !== 0) bits += bitsOf(count, text.length);
  for (const count of others.values()) bits += bitsOf(count, text.length);
  return bits;
}

function bitsOf(count: number, length: number): number {
  return -(count / length) * Math.log2(count / length);
}

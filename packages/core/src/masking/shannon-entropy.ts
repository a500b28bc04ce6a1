/** The number of occurrences of each character below 256. All are 0 between two calls. */
const counts = new Uint32Array(256);

/**
 * Returns the Shannon entropy of a text in bits per character. It is 0 for one repeated character and 4 for random hex
 * digits.
 */
export function shannonEntropy(text: string): number {
  let others: Map<number, number> | undefined;
  let [low, high] = [256, -1];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 256) {
      counts[code] = (counts[code] ?? 0) + 1;
      low = Math.min(low, code);
      high = Math.max(high, code);
    } else (others ??= new Map()).set(code, (others.get(code) ?? 0) + 1);
  }
  let bits = 0;
  for (let code = low; code <= high; code += 1) {
    const count = counts[code] ?? 0;
    if (count !== 0) bits += bitsOf(count, text.length);
  }
  counts.fill(0, low, high + 1);
  for (const count of others?.values() ?? []) bits += bitsOf(count, text.length);
  return bits;
}

function bitsOf(count: number, length: number): number {
  return -(count / length) * Math.log2(count / length);
}

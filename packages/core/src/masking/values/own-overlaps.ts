/**
 * Compares a text with itself. Returns, for each offset, how many bytes from the offset on equal the first bytes of the
 * text (the Z-function). Takes linear time.
 */
export function ownOverlaps(bytes: string): Uint32Array {
  const overlaps = new Uint32Array(bytes.length);
  overlaps[0] = bytes.length;
  let from = 0;
  let to = 0;
  for (let at = 1; at < bytes.length; at += 1) {
    let length = at < to ? Math.min(to - at, overlaps[at - from] ?? 0) : 0;
    while (at + length < bytes.length && bytes.charCodeAt(length) === bytes.charCodeAt(at + length)) length += 1;
    overlaps[at] = length;
    if (at + length > to) [from, to] = [at, at + length];
  }
  return overlaps;
}

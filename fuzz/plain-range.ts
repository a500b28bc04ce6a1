// A simple parser for Range headers (RFC 9110 section 14.1.2) that tests each byte position. The parser of the server
// is compared with it.

/**
 * Returns the requested byte positions in a body of `size` bytes. Returns `whole` if the header must be ignored, and
 * `none` if the header requests no existing byte.
 */
export function plainRange(header: string, size: number): readonly number[] | 'whole' | 'none' {
  const equals = header.indexOf('=');
  if (header.slice(0, equals).toLowerCase() !== 'bytes') return 'whole';
  const [first, last, ...rest] = header.slice(equals + 1).split('-');
  if (first === undefined || last === undefined || rest.length > 0 || !isNumber(first) || !isNumber(last))
    return 'whole';
  if (first === '' && last === '') return 'whole';
  if (first !== '' && last !== '' && BigInt(last) < BigInt(first)) return 'whole';
  const wanted = Array.from({ length: size }, (_, place) => place).filter((place) => {
    if (first === '') return BigInt(size - place) <= BigInt(last);
    return BigInt(place) >= BigInt(first) && (last === '' || BigInt(place) <= BigInt(last));
  });
  return wanted.length === 0 ? 'none' : wanted;
}

function isNumber(text: string): boolean {
  return Array.from(text).every((character) => character >= '0' && character <= '9');
}
